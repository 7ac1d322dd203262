/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sim.h - what the files of `weir sim` share. One thread.
 */
#ifndef CLI_SIM_H
#define CLI_SIM_H

#include "sim/run.h"

/* What was simulated, as the report names it. */
struct sim_report {
	const char *device; /* as the user named it */
	const struct sim_run_opts *opts;
	const struct sim_result *result;
};

/* sim_report.c: prints it for people, or as JSON. Returns the exit code. */
int sim_report_print(const struct sim_report *r);
int sim_report_json(const struct sim_report *r);

#endif
