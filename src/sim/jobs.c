/* SPDX-License-Identifier: Apache-2.0 */
/*
 * jobs.c - reads a job file. See jobs.h. Any thread.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "sim/ini.h"
#include "sim/jobs.h"
#include "sim/keys.h"

#define KEY(field, type, lo, hi, unit, words)                                                      \
	{                                                                                          \
		NULL, #field, type, offsetof(struct sim_job, field), lo, hi, unit, words           \
	}

#define DAY (24ull * 3600 * NSEC_PER_SEC)

static const struct sim_choice directions[] = {
	{ "read", SIM_RW_READ },
	{ "write", SIM_RW_WRITE },
	{ "randread", SIM_RW_READ | SIM_RW_RANDOM },
	{ "randwrite", SIM_RW_WRITE | SIM_RW_RANDOM },
	{ "rw", SIM_RW_READ | SIM_RW_WRITE },
	{ "readwrite", SIM_RW_READ | SIM_RW_WRITE },
	{ "randrw", SIM_RW_READ | SIM_RW_WRITE | SIM_RW_RANDOM },
	{ "trim", SIM_RW_TRIM },
	{ "randtrim", SIM_RW_TRIM | SIM_RW_RANDOM },
	{ NULL, 0 },
};

static const struct sim_choice classes[] = {
	{ "0", 0 },  { "1", 1 },  { "2", 2 },	 { "3", 3 },
	{ "rt", 1 }, { "be", 2 }, { "idle", 3 }, { NULL, 0 },
};

/* fio writes flags without a value. */
static const struct sim_choice flags[] = { { "", 1 }, { "1", 1 }, { "0", 0 }, { NULL, 0 } };

static const struct sim_key job_keys[] = {
	KEY(rw, SIM_KEY_CHOICE, 0, 0, NULL, directions),
	KEY(rwmixread, SIM_KEY_NUMBER, 0, 100, NULL, NULL),
	KEY(bs, SIM_KEY_SIZE, 512, 1 << 30, NULL, NULL),
	KEY(iodepth, SIM_KEY_NUMBER, 1, 65536, NULL, NULL),
	KEY(numjobs, SIM_KEY_NUMBER, 1, SIM_JOBS_MAX, NULL, NULL),
	KEY(size, SIM_KEY_SIZE, 512, 1ull << 60, NULL, NULL),
	KEY(offset, SIM_KEY_SIZE, 0, 1ull << 60, NULL, NULL),
	KEY(runtime, SIM_KEY_TIME, 1, 366 * DAY, "s", NULL),
	KEY(startdelay, SIM_KEY_TIME, 0, 366 * DAY, "s", NULL),
	KEY(time_based, SIM_KEY_CHOICE, 0, 0, NULL, flags),
	KEY(rate, SIM_KEY_SIZE, 1, 1ull << 60, NULL, NULL),
	KEY(rate_iops, SIM_KEY_NUMBER, 1, 1000000000, NULL, NULL),
	KEY(thinktime, SIM_KEY_TIME, 0, DAY, "us", NULL),
	KEY(prioclass, SIM_KEY_CHOICE, 0, 0, NULL, classes),
	KEY(prio, SIM_KEY_NUMBER, 0, 7, NULL, NULL),
	KEY(weight, SIM_KEY_NUMBER, 1, 1000, NULL, NULL),
	KEY(submitter, SIM_KEY_NUMBER, 1, UINT32_MAX, NULL, NULL),
	KEY(background, SIM_KEY_CHOICE, 0, 0, NULL, flags),
	{ NULL, NULL, SIM_KEY_SIZE, 0, 0, 0, NULL, NULL },
};

static const struct sim_job job_defaults = {
	.rw = SIM_RW_READ,
	.rwmixread = 50,
	.bs = 4096,
	.iodepth = 1,
	.numjobs = 1,
	.size = SIM_UNSET,
	.runtime = SIM_UNSET,
	.prioclass = 2,
	.prio = 4,
	.weight = SIM_UNSET,
	.submitter = SIM_UNSET,
};

struct reading {
	struct sim_jobs *jobs;
	struct sim_job global;
	struct sim_job *now; /* where keys go */
};

static int job_begin(struct reading *r, unsigned line, const char *name)
{
	struct sim_jobs *jobs = r->jobs;
	struct sim_job *more;

	if (!strcmp(name, "global")) {
		r->now = &r->global;
		return 0;
	}
	more = reallocarray(jobs->job, jobs->count + 1, sizeof(*more));
	if (!more)
		return error_set(-ENOMEM, "out of memory");
	jobs->job = more;
	r->now = &more[jobs->count++];
	*r->now = r->global;
	r->now->line = line;
	snprintf(r->now->name, sizeof(r->now->name), "%s", name);
	return 0;
}

static int job_key(void *user, unsigned line, const char *section, const char *name,
		   const char *value)
{
	struct reading *r = user;

	if (!name)
		return job_begin(r, line, section);
	return sim_key_set(job_keys, r->now, section, name, value);
}

/* The keys of JOB make sense together. */
static int job_sound(const struct sim_job *job, const char *path)
{
	if (job->runtime == SIM_UNSET && job->time_based)
		return error_set(-EINVAL, "%s:%u: [%s]: time_based needs runtime", path, job->line,
				 job->name);
	if (job->runtime == SIM_UNSET && job->size == SIM_UNSET)
		return error_set(-EINVAL,
				 "%s:%u: [%s] would never end: give it runtime, size or both", path,
				 job->line, job->name);
	if (job->size < job->bs)
		return error_set(-EINVAL, "%s:%u: [%s]: size is less than one block (bs)", path,
				 job->line, job->name);
	return 0;
}

int sim_jobs_read(struct sim_jobs *jobs, FILE *in, const char *path)
{
	struct reading r = { .jobs = jobs, .global = job_defaults };
	uint64_t all = 0;
	int err;

	*jobs = (struct sim_jobs){ .path = path };
	err = sim_ini_read(in, path, job_key, &r);
	for (size_t i = 0; i < jobs->count && !err; i++) {
		err = job_sound(&jobs->job[i], path);
		all += jobs->job[i].numjobs;
	}
	if (!err && !jobs->count)
		err = error_set(-EINVAL, "%s: no [job] in it", path);
	if (!err && all > SIM_JOBS_MAX)
		err = error_set(-EINVAL, "%s: more than %d jobs", path, SIM_JOBS_MAX);
	if (err)
		sim_jobs_free(jobs);
	return err;
}

void sim_jobs_free(struct sim_jobs *jobs)
{
	free(jobs->job);
	jobs->job = NULL;
	jobs->count = 0;
}
