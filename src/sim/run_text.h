/* SPDX-License-Identifier: Apache-2.0 */
/*
 * run_text.h - runs loads that are texts in the program: job files with {words} in braces, which
 * stand for numbers that are known only when it runs. One thread.
 */
#ifndef SIM_RUN_TEXT_H
#define SIM_RUN_TEXT_H

#include "sim/run.h"

/* A word and the number that it stands for. Numbers are written as whole ones, 1 at least. */
struct sim_word {
	const char *name;
	double value;
};

/*
 * Runs the job file JOBS, which errors call NAME, with numbers for its N words. Its jobs run until
 * their runtime is over. OPTS has all but the jobs. Returns 0 or -errno with weir_error() set. The
 * caller frees RESULT.
 */
int sim_run_text(struct sim_result *result, const struct sim_run_opts *opts, const char *jobs,
		 const char *name, const struct sim_word *words, size_t n);

#endif
