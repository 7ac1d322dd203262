/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rig.c - see rig.h.
 */
#include "rig.h"

#include <stdio.h>
#include <string.h>

struct rig rig;

static void rig_free(void)
{
	sim_result_free(&rig.result);
	sim_jobs_free(&rig.jobs);
}

void rig_reset(const char *device)
{
	rig_free();
	memset(&rig, 0, sizeof(rig));
	assert_int_equal(sim_config_load(&rig.config, device), 0);
	rig.opts = (struct sim_run_opts){ .config = &rig.config,
					  .jobs = &rig.jobs,
					  .scheduler = "none",
					  .sets = rig.sets,
					  .seed = 1,
					  .window_ns = 100 * MS };
}

void rig_set(const char *name, const char *value)
{
	rig.sets[rig.opts.nr_sets++] = (struct sim_set){ name, value };
}

int rig_read(struct sim_jobs *jobs, const char *text, const char *name)
{
	FILE *in = fmemopen((void *)(uintptr_t)text, strlen(text), "r");
	int err;

	assert_non_null(in);
	sim_jobs_free(jobs);
	err = sim_jobs_read(jobs, in, name);
	fclose(in);
	return err;
}

int rig_try(const char *text)
{
	int err;

	rig_free();
	err = rig_read(&rig.jobs, text, "test.fio");
	return err ? err : sim_run(&rig.result, &rig.opts);
}

void rig_run(const char *text)
{
	int err = rig_try(text);

	if (err)
		fail_msg("%d: %s", err, weir_error());
}

double rig_iops(size_t i)
{
	return (double)rig.result.job[i].ios * 1e9 / (double)rig.result.job[i].active_ns;
}

double rig_mbps(size_t i)
{
	return (double)rig.result.job[i].bytes * 1e3 / (double)rig.result.job[i].active_ns;
}

int64_t rig_tunable(const char *name)
{
	for (size_t i = 0; i < rig.result.nr_tunables; i++)
		if (!strcmp(rig.result.tunable[i].name, name))
			return rig.result.tunable[i].value;
	fail_msg("no tunable %s", name);
	return 0;
}

void rig_between(double value, double low, double high)
{
	if (value < low || value > high)
		fail_msg("%g is not from %g to %g", value, low, high);
}

int rig_teardown(void **state)
{
	(void)state;
	rig_free();
	return 0;
}
