/* SPDX-License-Identifier: Apache-2.0 */
/*
 * watch.h - records the path of ios while the simulation runs: a log of every decision of the
 * scheduler, and a series with a line for each job and window. Belongs to the thread that runs the
 * simulation.
 */
#ifndef SIM_WATCH_H
#define SIM_WATCH_H

#include <stdio.h>

#include "sim/load.h"

struct watch {
	const struct load_env *env;
	FILE *log, *series; /* the caller's files; NULL: not wanted */
};

/* Starts to watch the drive of ENV, and writes the first lines of the files. */
void watch_begin(struct watch *w, const struct load_env *env, FILE *log, FILE *series);

/* Records that IO was submitted. */
void watch_submitted(struct watch *w, const struct load_io *io, uint64_t now);

/* Records the window from BEGIN_NS to END_NS: one line for each job that was running in it. */
void watch_window(struct watch *w, uint64_t begin_ns, uint64_t end_ns);

#endif
