/* SPDX-License-Identifier: Apache-2.0 */
/*
 * out.c - changes the table of segments out of use in the superblock.
 *
 * A reclaim makes such a change when it cannot free its segment. There is one change of the
 * superblock at a time, so it may have to wait. This file owns struct out_change and runs on the
 * loop's thread.
 */
#include <errno.h>

#include "store/log/logs.h"
#include "store/log/reclaim.h"

/* At most one segment of so many is put out of use. */
#define OUT_PART 4u

bool out_has_room(const struct logs *ls)
{
	uint32_t out = ls->io->super.out_count;

	return !ls->io->broken && out < DISK_OUT_MAX && out < ls->segs.count / OUT_PART;
}

static void out_written(struct superjob *super, int result)
{
	struct reclaim *r = super->user;

	/* Nobody knows what the medium says now, and the store has gone another way. */
	if (result)
		io_break(r->survive.job.log->io, result);
	job_wake(&r->survive.job, result);
}

void out_run(struct reclaim *r)
{
	struct out_change *change = &r->change;
	struct job *job = &r->survive.job;
	struct store_io *io = job->log->io;
	struct super next = io->super;

	change->waits = superjob_busy(io);
	if (change->waits)
		return;
	job_wait(job, change->next);
	/* Another reclaim may have taken the last place meanwhile. A store that has failed gives no
	 * entries up: what they would be given up for is not on the medium. */
	if (change->forgets ? io->broken != 0 : !out_has_room(job->log->all)) {
		job_wake(job, -EIO);
		return;
	}
	if (change->forgets)
		super_forget_aside(&next, change->segment);
	else
		super_put_out(&next, change->segment, change->aside);
	if (superjob_start(io, &next, out_written, r))
		job_wake(job, -ENOMEM);
}

static void out_begin(struct job *job, struct out_change change)
{
	reclaim_of(job)->change = change;
	out_run(reclaim_of(job));
}

void out_add(struct job *job, bool aside, void (*next)(struct job *job, int result))
{
	out_begin(job,
		  (struct out_change){ .aside = aside, .segment = job->seg->number, .next = next });
}

void out_forget(struct job *job, const struct segment *seg,
		void (*next)(struct job *job, int result))
{
	out_begin(job,
		  (struct out_change){ .forgets = true, .segment = seg->number, .next = next });
}
