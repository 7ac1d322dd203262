/* SPDX-License-Identifier: Apache-2.0 */
/*
 * turns.c - reads and writes take turns. See turns.h.
 */
#include "sched/turns.h"

#define NSEC_PER_MSEC 1000000ll

enum turns_dir turns_dir(const struct sched_rq *rq)
{
	return rq->op == SCHED_READ ? DIR_READ : DIR_WRITE;
}

int64_t turns_expire_ns(const int64_t *value, enum turns_dir dir)
{
	return value[dir == DIR_READ ? READ_EXPIRE : WRITE_EXPIRE] * NSEC_PER_MSEC;
}

bool turns_choose(const int64_t *value, const struct sorted *side, int64_t *starved,
		  enum turns_dir *dir)
{
	bool reads = !sorted_empty(&side[DIR_READ]), writes = !sorted_empty(&side[DIR_WRITE]);

	*dir = DIR_READ;
	if (writes && (!reads || (*starved)++ >= value[WRITES_STARVED])) {
		*dir = DIR_WRITE;
		*starved = 0;
	}
	return reads || writes;
}
