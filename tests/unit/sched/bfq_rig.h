/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bfq_rig.h - opens bfq on a kind of drive, and finds its queues.
 */
#ifndef BFQ_RIG_H
#define BFQ_RIG_H

#include "sched/bfq/bfq.h"
#include "sched/bfq/queue.h"

#include "rig.h"

enum { FLASH, FLASH_ONE, DISK, DISK_MANY };

static inline struct bfq *bfq(void)
{
	return (struct bfq *)rig.s;
}

static inline void as(uint32_t s, uint16_t prio)
{
	rig.submitter = s;
	rig.prio = prio;
}

static inline struct bfq_queue *queue(uint32_t s, uint16_t prio)
{
	struct sched_rq like = { .submitter = s, .ioprio = prio, .flags = SCHED_RQ_SYNC };

	return bfq_queue_find(bfq(), &like);
}

static inline void open_on(int drive)
{
	rig_reset();
	rig.env.rotational = drive >= DISK;
	rig.env.depth = drive == FLASH || drive == DISK_MANY ? 128 : 1;
	rig_open(&sched_bfq);
	rig_set("low_latency", 0);
	as(1, BE(4));
}

static inline void end(void)
{
	rig.s->ops->exit(rig.s);
}

/* Submitter 1 has got a completion and has no request now; submitter 2 waits. */
static inline void paused(int drive, uint16_t prio1, uint16_t prio2)
{
	open_on(drive);
	as(1, prio1);
	rig_insert(0, R, 0, 8, 1);
	assert_int_equal(rig_dispatch(1), 0);
	as(2, prio2);
	rig_insert(1, R, 1000000, 8, 1);
}

#endif
