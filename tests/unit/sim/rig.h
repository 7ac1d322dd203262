/* SPDX-License-Identifier: Apache-2.0 */
/* rig.h - simulations from texts: a drive, jobs, and their results. */
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

/* Further settings of rig_run(); rig_reset() sets their defaults. */
struct rig {
	struct sim_run_opts opts;
	struct sim_set sets[8];
	struct sim_config config;
	struct sim_jobs jobs;
	struct sim_result result;
};

extern struct rig rig;

/* Resets everything; the drive is the built-in DEVICE. */
void rig_reset(const char *device);
/* Sets a tunable for the next run. */
void rig_set(const char *name, const char *value);
/* Reads the job file TEXT, which messages call NAME, into JOBS, whose jobs are freed first. Returns
 * the result of sim_jobs_read(). */
int rig_read(struct sim_jobs *jobs, const char *text, const char *name);
/* Runs the job file TEXT; returns the result of sim_run() or sim_jobs_read(). */
int rig_try(const char *text);
/* Runs TEXT, which must succeed. */
void rig_run(const char *text);
/* Returns the ios a second of job I. */
double rig_iops(size_t i);
double rig_mbps(size_t i);
/* Returns the value of a tunable after the run. */
int64_t rig_tunable(const char *name);
/* Asserts that VALUE is from LOW to HIGH. */
void rig_between(double value, double low, double high);
/* Frees everything; the teardown of a test. */
int rig_teardown(void **state);

#endif
