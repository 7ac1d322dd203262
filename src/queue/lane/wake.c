/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wake.c - other threads tell a lane that something is staged for it, and wake its owner.
 *
 * Whoever stages something sets `staged` and then looks at `asleep`; the owner, about to sleep,
 * sets `asleep` and then looks at `staged`. So one of the two sees the other (all four accesses are
 * sequentially consistent), and no wake-up is lost.
 *
 * Owns the flag `staged` of lane->sleep. Any thread, except where it says the owner.
 */
#include "queue/lane/wake.h"

#include <sys/eventfd.h>

#include "queue/lane/lane.h"

void lane_wake(struct lane *lane)
{
	/* The thread that set it first looks after the waking. */
	if (__atomic_load_n(&lane->sleep.staged, __ATOMIC_SEQ_CST))
		return;
	__atomic_store_n(&lane->sleep.staged, 1, __ATOMIC_SEQ_CST);
	if (__atomic_exchange_n(&lane->sleep.asleep, 0, __ATOMIC_SEQ_CST)) {
		__atomic_fetch_add(&lane->stats->wakeups, 1, __ATOMIC_RELAXED);
		/* Writing fails only if the counter is full, and then it is readable anyway. */
		(void)!eventfd_write(lane->sleep.wake_fd, 1);
	}
}

void lane_wake_all(struct weir_queue *q)
{
	for (uint32_t i = 0; i < q->nr_lanes; i++)
		lane_wake(&q->lanes[i]);
}

bool wake_take_staged(struct lane *lane)
{
	return __atomic_load_n(&lane->sleep.staged, __ATOMIC_RELAXED) &&
	       __atomic_exchange_n(&lane->sleep.staged, 0, __ATOMIC_SEQ_CST);
}
