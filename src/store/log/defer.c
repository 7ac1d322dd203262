/* SPDX-License-Identifier: Apache-2.0 */
/*
 * defer.c - decides which flushes of a log may wait. Runs on the loop's thread.
 */
#include "store/log/defer.h"

#include "store/log/logs.h"

/* Returns true if L goes on writing, and nothing waits for a footer. Then a flush becomes due, or
 * this is asked again, after its last batch has ended or in the next pass. */
static bool defer_may(const struct log *l)
{
	const struct logs *ls = l->all;

	return (!STAILQ_EMPTY(&l->batches) || pass_has_put_off(l)) && !ls->closing &&
	       !ls->segs.failing && !ls->marks.waiting;
}

bool defer_seal(const struct log *l)
{
	/* Where segments are few, a reclaim may need this one soon. Otherwise the flushes before
	 * which segments are begun cover it, so only few footers are in memory. */
	return l->all->ahead_max > 1 && defer_may(l);
}

bool defer_begin(const struct log *l)
{
	const struct segment *seg;
	uint32_t ready = 0;

	TAILQ_FOREACH(seg, &l->segs.ahead, link)
		ready += seg->state == SEGMENT_BEGUN;
	/* A third stays ready, which the log fills until its next flush. Where two of three had
	 * to be ready, a GiB of values of 32 MiB took 34 flushes instead of 22. */
	return ready > (l->all->ahead_max - 1) / 3 && defer_may(l);
}

/* Returns true if a segment of L may wait for a flush that it did not ask for. */
static bool defer_waits(const struct log *l)
{
	for (uint32_t i = 0; i < PREPARE_AHEAD_MAX; i++)
		if (l->begin[i].flushed.fn)
			return true;
	return false;
}

void logs_hurry(struct logs *ls)
{
	uint32_t mask = flush_is_joined(&ls->io->flusher) ? ls->round : 0;
	struct log *l;

	LOGS_IN(ls, l, mask)
	if (defer_waits(l) && !defer_begin(l))
		flush_want(ls->io);
}
