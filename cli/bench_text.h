/* SPDX-License-Identifier: Apache-2.0 */
/* bench_text.h - jobs that a bench writes itself, in the syntax that people write. One thread. */
#ifndef CLI_BENCH_TEXT_H
#define CLI_BENCH_TEXT_H

#include <stddef.h>

#include "sim/run.h"

/* A job file that grows. */
struct bench_text {
	char text[4096];
	size_t used;
};

void bench_text_begin(struct bench_text *t);
/* Adds text; it ends the program if there is no room, which is a mistake in the program. */
void bench_text_add(struct bench_text *t, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/*
 * Makes JOBS, which the caller frees, of T. Returns 0, or an exit code after the error was
 * printed: the options of the command gave a value that no job can have.
 */
int bench_text_jobs(const struct bench_text *t, struct sim_jobs *jobs);

#endif
