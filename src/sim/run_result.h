/* SPDX-License-Identifier: Apache-2.0 */
/*
 * run_result.h - a simulation that runs: its state, which run.c owns, and its results.
 */
#ifndef SIM_RUN_RESULT_H
#define SIM_RUN_RESULT_H

#include "base/usage.h"
#include "sim/fair.h"
#include "sim/load.h"
#include "sim/run.h"
#include "sim/watch.h"

struct run {
	const struct sim_run_opts *opts;
	struct load_env env;
	struct sim_result *result;
	struct fair fair;
	struct watch watch;
	struct usage usage;	/* of the calling thread, if the drive is real */
	uint64_t *window_bytes; /* room for what each job moved in a window */
	uint64_t total_ns;	/* the time of all jobs, as far as it is known */
	uint32_t next_submitter;
	bool weightless;   /* a note has said that weights are not used */
	bool deadlineless; /* one has said it of deadlines */
};

/* Fills in RESULT, which has no jobs yet, except for its windows. Returns 0, or -ENOMEM with
 * weir_error() set. */
int run_result(struct run *r, struct sim_result *result);

#endif
