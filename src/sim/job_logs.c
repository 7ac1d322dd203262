/* SPDX-License-Identifier: Apache-2.0 */
/* job_logs.c - makes jobs that replay logs. See job_logs.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "sim/job_keys.h"
#include "sim/job_logs.h"
#include "text/text.h"

int job_logs_path(void *job, size_t offset, const char *text)
{
	if (!*text || strlen(text) >= SIM_PATH_MAX)
		return error_set(-EINVAL, "not the path of a file, of %d bytes at most",
				 SIM_PATH_MAX - 1);
	strcpy((char *)job + offset, text);
	return 0;
}

/* Makes JOB replay COUNT ios of LOG, beginning with FIRST. */
static void job_logs_give(struct sim_job *job, const struct iolog *log, size_t first, size_t count)
{
	struct sim_replay *r = &job->replay;

	r->io = log->io + first;
	r->count = count;
	r->timed = log->timed;
	job->rw = 0;
	for (size_t i = 0; i < count; i++) {
		if (r->io[i].op == IOLOG_FLUSH)
			continue;
		job->rw |= 1u << r->io[i].op;
		if (r->io[i].op != IOLOG_TRIM && r->io[i].length > r->longest)
			r->longest = r->io[i].length;
	}
}

/*
 * Returns the log at PATH, reading it if necessary. Returns NULL with weir_error() set on an
 * error.
 */
static const struct iolog *job_logs_get(struct sim_jobs *jobs, const char *path)
{
	size_t all = 0;
	struct iolog *more;

	for (size_t i = 0; i < jobs->nr_logs; i++) {
		if (!strcmp(jobs->log[i].path, path))
			return &jobs->log[i];
		all += jobs->log[i].count;
	}
	more = reallocarray(jobs->log, jobs->nr_logs + 1, sizeof(*more));
	if (!more) {
		(void)error_set(-ENOMEM, "%s: out of memory", path);
		return NULL;
	}
	jobs->log = more;
	more += jobs->nr_logs;
	if (iolog_read(more, path, IOLOG_MAX - all) < 0) {
		iolog_free(more);
		return NULL;
	}
	jobs->nr_logs++;
	return more;
}

void job_logs_read(struct sim_jobs *jobs)
{
	for (size_t i = 0; i < jobs->count; i++) {
		struct sim_job *job = &jobs->job[i];
		const struct iolog *log;

		if (!*job->read_iolog)
			continue;
		log = job_logs_get(jobs, job->read_iolog);
		if (!log)
			remarks_add(&jobs->mistakes, "%s:%u: [%s]: read_iolog: %s", jobs->path,
				    job->line, job->name, weir_error());
		else
			job_logs_give(job, log, 0, log->count);
	}
}

int sim_jobs_from_log(struct sim_jobs *jobs, const char *path, const struct job_logs_opts *opts)
{
	struct iolog *log = calloc(1, sizeof(*log));
	int err;

	*jobs = (struct sim_jobs){ .path = text_name(path), .log = log, .nr_logs = log != NULL };
	if (!log)
		return error_set(-ENOMEM, "%s: out of memory", path);
	err = iolog_read(log, path, IOLOG_MAX);
	if (err)
		return err;
	iolog_by_stream(log);
	jobs->job = calloc(log->nr_streams, sizeof(*jobs->job));
	if (!jobs->job)
		return error_set(-ENOMEM, "%s: out of memory", path);
	for (size_t i = 0; i < log->nr_streams; i++) {
		const struct iolog_stream *s = &log->stream[i];
		struct sim_job *job = &jobs->job[jobs->count];

		/* All ios of a stream may have been without bytes. */
		if (!s->count)
			continue;
		*job = job_defaults;
		memcpy(job->name, s->name, sizeof(job->name));
		job->iodepth = opts->iodepth ? opts->iodepth : JOB_LOGS_IODEPTH;
		job->replay.speed = opts->speed;
		job->replay_no_stall = opts->no_stall;
		job_logs_give(job, log, s->first, s->count);
		jobs->count++;
	}
	return 0;
}

void job_logs_free(struct sim_jobs *jobs)
{
	for (size_t i = 0; i < jobs->nr_logs; i++)
		iolog_free(&jobs->log[i]);
	free(jobs->log);
	jobs->log = NULL;
	jobs->nr_logs = 0;
}
