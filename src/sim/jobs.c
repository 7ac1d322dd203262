/* SPDX-License-Identifier: Apache-2.0 */
/* jobs.c - reads a job file. See jobs.h. Any thread may call it. */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "sim/fio_keys.h"
#include "sim/ini.h"
#include "sim/job_keys.h"
#include "sim/job_logs.h"
#include "sim/job_text.h"
#include "sim/jobs.h"
#include "sim/keys.h"

/* The keys of fio that were noted in this file; each is noted once. */
#define NOTED_MAX 512
/* Of a name that gets a number, so much is kept: all that a section may have. */
#define JOB_NAME_KEPT 48

struct reading {
	struct sim_jobs *jobs;
	struct sim_job global;
	struct sim_job *now; /* the job that gets the keys */
	const char *noted[NOTED_MAX];
	size_t nr_noted;
};

static int job_begin(struct reading *r, unsigned line, const char *name)
{
	struct sim_jobs *jobs = r->jobs;
	struct sim_job *more;

	if (!strcmp(name, "global")) {
		r->now = &r->global;
		return 0;
	}
	if (jobs->count == SIM_JOBS_MAX)
		return error_set(-E2BIG, "more than %d jobs", SIM_JOBS_MAX);
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

/* Adds NOTE about fio's key NAME, at the first place where it stands in the file. */
static void job_note(struct reading *r, unsigned line, const char *name, const char *note)
{
	for (size_t i = 0; i < r->nr_noted; i++)
		if (!strcmp(r->noted[i], name))
			return;
	for (size_t i = 0; r->nr_noted < NOTED_MAX && fio_key_name(i); i++)
		if (!strcmp(fio_key_name(i), name))
			r->noted[r->nr_noted++] = fio_key_name(i);
	remarks_add(&r->jobs->notes, "%s:%u: %s is not used: %s", r->jobs->path, line, name, note);
}

/*
 * Adds a note about a size with a unit like KiB: unless kb_base is 1000, fio gives k and KiB the
 * opposite of their usual meanings.
 */
static void job_note_units(struct reading *r, unsigned line, const char *name, const char *value)
{
	size_t len = strlen(value);
	static const char noted[] = "KiB";

	if (r->now->kb_base != 1024 || len < 4 || strcasecmp(value + len - 2, "ib"))
		return;
	for (size_t i = 0; i < r->nr_noted; i++)
		if (r->noted[i] == noted)
			return;
	if (r->nr_noted < NOTED_MAX)
		r->noted[r->nr_noted++] = noted;
	remarks_add(&r->jobs->notes,
		    "%s:%u: %s=%s: fio reads KiB, MiB and so on as powers of 1000; write k, or "
		    "kb_base=1000 before it",
		    r->jobs->path, line, name, value);
}

static int job_key(void *user, unsigned line, const char *section, const char *name,
		   const char *value)
{
	struct reading *r = user;
	const char *note;
	int err;

	if (!name)
		return job_begin(r, line, section);
	if (!r->now)
		return error_set(-EINVAL, "\"%s\" stands before the first [section]", name);
	err = job_key_set(r->now, name, value);
	if (!err)
		job_note_units(r, line, name, value);
	if (err != -ENOENT)
		return err;
	note = fio_key_note(name);
	if (!note)
		return job_key_unknown(name);
	job_note(r, line, name, note);
	return 0;
}

/* Returns true if JOB ends by itself. */
static bool job_ends(const struct sim_job *job)
{
	return job->size.bytes != SIM_UNSET || job->size.percent ||
	       job->io_size.bytes != SIM_UNSET || job->number_ios;
}

/* Returns the length of the shortest io that JOB may make. */
static uint64_t job_shortest(const struct sim_job *job)
{
	uint64_t shortest = UINT64_MAX;

	for (int dir = 0; dir < SIM_DIRS; dir++)
		if (job->rw & 1u << dir && job->bs[dir].min < shortest)
			shortest = job->bs[dir].min;
	return shortest;
}

/* Returns what is wrong with the combination of JOB's keys, or NULL. */
static const char *job_unsound(const struct sim_job *job)
{
	if (*job->read_iolog)
		return NULL;
	if (job->runtime == SIM_UNSET && job->time_based)
		return ": time_based needs runtime";
	if (job->runtime == SIM_UNSET && !job_ends(job))
		return " would never end: give it runtime, size, io_size or number_ios";
	if (!job->size.percent && job->size.bytes < job_shortest(job))
		return ": size is less than one block (bs)";
	return NULL;
}

static void jobs_sound(struct sim_jobs *jobs)
{
	uint64_t all = 0;

	for (size_t i = 0; i < jobs->count; i++) {
		const struct sim_job *job = &jobs->job[i];
		const char *wrong = job_unsound(job);

		if (wrong)
			remarks_add(&jobs->mistakes, "%s:%u: [%s]%s", jobs->path, job->line,
				    job->name, wrong);
		all += job->numjobs;
	}
	if (!jobs->count)
		remarks_add(&jobs->mistakes, "%s: no [job] in it", jobs->path);
	if (all > SIM_JOBS_MAX)
		remarks_add(&jobs->mistakes, "%s: more than %d jobs", jobs->path, SIM_JOBS_MAX);
}

/* Says whether a copy of A has the name of a copy of B. */
static bool jobs_clash(const struct sim_job *a, const struct sim_job *b)
{
	const struct sim_job *one = a->numjobs > 1 ? b : a, *many = one == a ? b : a;
	char name[sizeof(one->name) + 24];

	if ((a->numjobs > 1) == (b->numjobs > 1))
		return !strcmp(a->name, b->name);
	if (strncmp(one->name, many->name, strlen(many->name)) != 0)
		return false;
	for (uint64_t clone = 0; clone < many->numjobs; clone++) {
		job_text_name(many, clone, name, sizeof(name));
		if (!strcmp(name, one->name))
			return true;
	}
	return false;
}

/* Returns how many of the first N jobs have a name of job NUMBER; itself does not count. */
static size_t jobs_clashes(const struct sim_jobs *jobs, size_t number, size_t n)
{
	size_t clashes = 0;

	for (size_t i = 0; i < n; i++)
		clashes += i != number && jobs_clash(&jobs->job[i], &jobs->job[number]);
	return clashes;
}

/*
 * Gives jobs with the name of one before a name of their own: "x (2)". In results a job is known by
 * its name alone. The last job is the first, so that those before it have the names of the file.
 */
static void jobs_name(struct sim_jobs *jobs)
{
	for (size_t i = jobs->count; i-- > 1;) {
		struct sim_job *job = &jobs->job[i];
		size_t number = jobs_clashes(jobs, i, i);
		char given[sizeof(job->name)];

		memcpy(given, job->name, sizeof(given));
		while (number && jobs_clashes(jobs, i, jobs->count))
			snprintf(job->name, sizeof(job->name), "%.*s (%zu)", JOB_NAME_KEPT, given,
				 ++number);
	}
}

int sim_jobs_read(struct sim_jobs *jobs, FILE *in, const char *path)
{
	struct reading *r = calloc(1, sizeof(*r));
	int err;

	*jobs = (struct sim_jobs){ .path = path };
	if (!r)
		return error_set(-ENOMEM, "%s: out of memory", path);
	r->jobs = jobs;
	r->global = job_defaults;
	err = sim_ini_read(in, path, job_key, r, &jobs->mistakes);
	free(r);
	/* A key that was not understood may be the one that is missing. */
	if (!err)
		jobs_sound(jobs);
	if (!err && !jobs->mistakes.count)
		jobs_name(jobs);
	if (!err)
		job_logs_read(jobs);
	if (!err && (jobs->mistakes.failed || jobs->notes.failed))
		err = error_set(-ENOMEM, "%s: out of memory", path);
	if (!err && jobs->mistakes.count)
		err = error_set(-EINVAL, "%s", jobs->mistakes.line[0]);
	return err;
}

void sim_jobs_free(struct sim_jobs *jobs)
{
	free(jobs->job);
	jobs->job = NULL;
	job_logs_free(jobs);
	jobs->count = 0;
	remarks_free(&jobs->notes);
	remarks_free(&jobs->mistakes);
}
