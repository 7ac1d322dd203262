/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tags.h - the requests of a lane. The place of a request in the pool is its tag.
 *
 * admit.h decides who gets a tag; only that file takes and gives here. The lane's owner.
 */
#ifndef TAGS_H
#define TAGS_H

#include "base/check.h"
#include "queue/lane/queue.h"

/* Makes the pool, all free. 0 or -ENOMEM. */
int tags_init(struct lane *lane);
void tags_destroy(struct lane *lane);

/* True if N tags are free. */
static inline bool tags_are_free(const struct lane *lane, uint64_t n)
{
	uint32_t most = __atomic_load_n(&lane->q->nr_requests, __ATOMIC_RELAXED);

	return lane->tags.nr_free >= n && lane->tags.nr - lane->tags.nr_free + n <= most;
}

/* True if no tag is taken. */
static inline bool tags_all_free(const struct lane *lane)
{
	return lane->tags.nr_free == lane->tags.nr;
}

/* Takes a free tag; there must be one. */
static inline struct request *tags_take(struct lane *lane)
{
	struct request *rq;

	CHECK(lane->tags.nr_free);
	rq = lane->tags.free[--lane->tags.nr_free];
	rq->state = REQUEST_TAKEN;
	return rq;
}

static inline void tags_give(struct lane *lane, struct request *rq)
{
	CHECK(rq->state == REQUEST_TAKEN);
	rq->state = REQUEST_FREE;
	lane->tags.free[lane->tags.nr_free++] = rq;
}

#endif
