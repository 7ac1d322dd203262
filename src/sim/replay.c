/* SPDX-License-Identifier: Apache-2.0 */
/* replay.c - the next io of a log. See replay.h. */
#include "sim/replay.h"

_Static_assert((int)IOLOG_READ == (int)SIM_READ && (int)IOLOG_WRITE == (int)SIM_WRITE &&
		       (int)IOLOG_TRIM == (int)SIM_TRIM && (int)IOLOG_FLUSH == (int)SIM_DIRS,
	       "directions of a log are directions of a job");

void replay_open(struct replay *r, const struct sim_job *job, uint64_t capacity, uint64_t block)
{
	*r = (struct replay){ .job = job, .capacity = capacity, .block = block };
}

bool replay_keeps_times(const struct sim_job *job)
{
	return job->replay.timed && !job->replay_no_stall;
}

static uint64_t replay_time(const struct sim_job *job, size_t i)
{
	return replay_keeps_times(job)
		       ? (uint64_t)((double)job->replay.io[i].time_ns / job->replay.speed)
		       : 0;
}

uint64_t replay_due(const struct replay *r)
{
	return replay_time(r->job, r->next);
}

uint64_t replay_end(const struct sim_job *job)
{
	return replay_time(job, job->replay.count - 1);
}

/*
 * Moves an io to the beginning if it lies beyond the end of the drive; shortens one that is longer
 * than the drive.
 */
static void replay_fit(struct replay *r, struct iolog_io *io)
{
	uint64_t end = io->offset + io->length;

	io->offset -= io->offset % r->block;
	io->length = (end + r->block - 1) / r->block * r->block - io->offset;
	if (io->offset + io->length <= r->capacity)
		return;
	r->wrapped++;
	if (io->length > r->capacity)
		io->length = r->capacity;
	io->offset %= r->capacity;
	if (io->offset > r->capacity - io->length)
		io->offset = r->capacity - io->length;
}

struct iolog_io replay_next(struct replay *r, uint64_t now)
{
	struct iolog_io io = r->job->replay.io[r->next];

	if (replay_keeps_times(r->job) && now > replay_due(r))
		r->delayed++;
	if (io.op != IOLOG_FLUSH)
		replay_fit(r, &io);
	r->next++;
	return io;
}
