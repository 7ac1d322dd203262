/* SPDX-License-Identifier: Apache-2.0 */
/* directions.c - reads and writes alternate. See directions.h. */
#include "sched/turns.h"

#include "base/nsec.h"

enum turns_dir turns_dir(const struct sched_rq *rq)
{
	return rq->op == SCHED_READ ? DIR_READ : DIR_WRITE;
}

bool turns_overdue(const int64_t *value, const struct sched_rq *rq, uint64_t now)
{
	int64_t expire = value[turns_dir(rq) == DIR_READ ? READ_EXPIRE : WRITE_EXPIRE];

	return rq->inserted_ns + (uint64_t)expire * NSEC_PER_MSEC <= now;
}

/*
 * Returns true if reads have had as many batches as they may have while writes wait; it counts
 * this one. A LIMIT below 0 lets reads always go first.
 */
static bool turns_starved(int64_t *starved, int64_t limit)
{
	return (*starved)++ >= limit && limit >= 0;
}

bool turns_choose(const int64_t *value, const struct sorted *side, int64_t *starved,
		  enum turns_dir *dir)
{
	bool reads = !sorted_empty(&side[DIR_READ]), writes = !sorted_empty(&side[DIR_WRITE]);

	*dir = DIR_READ;
	if (writes && (!reads || turns_starved(starved, value[WRITES_STARVED]))) {
		*dir = DIR_WRITE;
		*starved = 0;
	}
	return reads || writes;
}
