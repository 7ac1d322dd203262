/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rig.h - simulations from texts: a drive, jobs, and what came of them.
 */
#ifndef RIG_H
#define RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sim/run.h"

#define MS 1000000ull
#define SEC (1000 * MS)

/* What rig_run() does besides its arguments; rig_reset() sets it back. */
struct rig {
	struct sim_run_opts opts;
	struct sim_set sets[8];
	struct sim_config config;
	struct sim_jobs jobs;
	struct sim_result result;
};

extern struct rig rig;

/* Forgets everything; the drive is the built-in DEVICE. */
void rig_reset(const char *device);
/* Sets a tunable in what runs next. */
void rig_set(const char *name, const char *value);
/* Runs the job file TEXT; what sim_run() or sim_jobs_read() says. */
int rig_try(const char *text);
/* Runs TEXT, which must go well. */
void rig_run(const char *text);
/* Of job I. */
double rig_iops(size_t i);
double rig_mbps(size_t i);
/* The value of a tunable after the run. */
int64_t rig_tunable(const char *name);
/* Says that VALUE is from LOW to HIGH. */
void rig_between(double value, double low, double high);
/* Frees what is left; a test's teardown. */
int rig_teardown(void **state);

#endif
