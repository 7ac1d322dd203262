/* SPDX-License-Identifier: Apache-2.0 */
/* direction.c - reads and writes alternate. See direction.h. */
#include "sched/direction.h"

#include "base/nsec.h"

enum direction direction_of(const struct sched_rq *rq)
{
	return rq->op == SCHED_READ ? DIRECTION_READ : DIRECTION_WRITE;
}

bool direction_overdue(const int64_t *value, const struct sched_rq *rq, uint64_t now)
{
	int64_t expire = value[direction_of(rq) == DIRECTION_READ ? READ_EXPIRE : WRITE_EXPIRE];

	return rq->inserted_ns + (uint64_t)expire * NSEC_PER_MSEC <= now;
}

/*
 * Returns true if reads have had as many batches as they may have while writes wait; it counts
 * this one. A LIMIT below 0 lets reads always go first.
 */
static bool direction_starved(int64_t *starved, int64_t limit)
{
	return (*starved)++ >= limit && limit >= 0;
}

bool direction_choose(const int64_t *value, const struct sorted *side, int64_t *starved,
		      enum direction *dir)
{
	bool reads = !sorted_empty(&side[DIRECTION_READ]),
	     writes = !sorted_empty(&side[DIRECTION_WRITE]);

	*dir = DIRECTION_READ;
	if (writes && (!reads || direction_starved(starved, value[WRITES_STARVED]))) {
		*dir = DIRECTION_WRITE;
		*starved = 0;
	}
	return reads || writes;
}
