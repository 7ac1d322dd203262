/* SPDX-License-Identifier: Apache-2.0 */
/*
 * watch.h - what happens to ios on their way, written down as it happens: when the drive gets
 * them, a log of every decision, a line for each job and window. Belongs to the thread that runs
 * the simulation.
 */
#ifndef SIM_WATCH_H
#define SIM_WATCH_H

#include <stdio.h>

#include "sim/load.h"

struct watch {
	const struct load_env *env;
	FILE *log, *series; /* the caller's; NULL: not wanted */
};

/* Begins to watch the drive of ENV, and writes what the files begin with. */
void watch_begin(struct watch *w, const struct load_env *env, FILE *log, FILE *series);

/* IO has been submitted. */
void watch_submitted(struct watch *w, const struct load_io *io, uint64_t now);

/* The window from BEGIN_NS to END_NS is over: a line for each job that was at work in it. */
void watch_window(struct watch *w, uint64_t begin_ns, uint64_t end_ns);

#endif
