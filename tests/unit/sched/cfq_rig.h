/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cfq_rig.h - functions that the tests of cfq share: a disk that seeks, submitters by number, and
 * places that are far from each other.
 */
#ifndef CFQ_RIG_H
#define CFQ_RIG_H

#include "rig.h"

/* Returns the first sector of submitter N's own part of the disk, far from all other parts. */
#define PLACE(n) ((uint64_t)(n)*100000000u)

static inline int cfq_setup(void **state)
{
	(void)state;
	rig_reset();
	rig.env.rotational = true;
	rig.flags = SCHED_RQ_SYNC;
	rig_open(&sched_cfq);
	return 0;
}

static inline int cfq_teardown(void **state)
{
	(void)state;
	rig_close();
	return 0;
}

/* Inserts read ID: submitter WHO reads 8 sectors at SECTOR. */
static inline void reads(int id, uint32_t who, uint64_t sector, uint64_t now)
{
	rig.submitter = who;
	rig.flags = SCHED_RQ_SYNC;
	rig_insert(id, R, sector, 8, now);
}

/* Inserts N such reads of consecutive sectors, with the numbers from ID. */
static inline void reads_row(int id, int n, uint32_t who, uint64_t now)
{
	for (int i = 0; i < n; i++)
		reads(id + i, who, PLACE(who) + (uint64_t)i * 8, now);
}

/* Inserts N asynchronous writes of consecutive sectors, in part PLACE of the disk. */
static inline void writes_row(int id, int n, uint32_t place, uint64_t now)
{
	rig.flags = 0;
	for (int i = 0; i < n; i++)
		rig_insert(id + i, W, PLACE(place) + (uint64_t)i * 8, 8, now);
	rig.flags = SCHED_RQ_SYNC;
}

static inline void expect(uint64_t now, int id)
{
	assert_int_equal(rig_dispatch(now), id);
}

static inline void expect_wakeup(uint64_t at)
{
	assert_int_equal(rig.s->ops->next_wakeup(rig.s), at);
}

/* Serves all requests, so that the rig can be closed. */
static inline void drain_all(uint64_t now)
{
	for (int i = 0; i < RIG_MAX; i++)
		if (rig.state[i] == RIG_WITH_DRIVE)
			rig_complete(i, now);
	while (rig.waiting)
		if (rig_serve(now) == NONE)
			now = rig.s->ops->next_wakeup(rig.s);
}

#endif
