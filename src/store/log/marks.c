/* SPDX-License-Identifier: Apache-2.0 */
/*
 * marks.c - decides when segments are reclaimed before puts need them.
 *
 * That begins when fewer segments are free than the low mark, and ends at the high one. Up to there
 * only segments with garbage are reclaimed. What is alive leaves the store only for the low mark: a
 * store that keeps more segments free than it has to loses hits. This file owns struct marks; it
 * runs on the loop's thread.
 */
#include "base/check.h"
#include "queue/loop.h"
#include "store/log/logs.h"
#include "store/log/marks.h"
#include "store/log/victim.h"

/* For each segment that puts take, so many reclaims may begin in the background. To free one takes
 * four if clock appends three quarters of each again. If pins hold so much that the marks cannot be
 * reached, this bounds what is written again in vain. */
#define MARKS_WORK 8u

void logs_set_marks(struct logs *ls, uint32_t low, uint32_t high)
{
	const struct super *super = &ls->io->super;

	if (!low && !high) {
		low = super->free_low;
		high = super->free_high;
	}
	logs_use_marks(ls, low, high);
}

void logs_use_marks(struct logs *ls, uint32_t low, uint32_t high)
{
	struct policy_marks at = policy_marks(low, high, ls->segs.count);

	/* Other threads read them. */
	__atomic_store_n(&ls->marks.at.low, at.low, __ATOMIC_RELAXED);
	__atomic_store_n(&ls->marks.at.high, at.high, __ATOMIC_RELAXED);
	ls->marks.due = true;
}

void logs_get_marks(const struct logs *ls, uint32_t *low, uint32_t *high)
{
	uint32_t at_low = __atomic_load_n(&ls->marks.at.low, __ATOMIC_RELAXED);
	uint32_t at_high = __atomic_load_n(&ls->marks.at.high, __ATOMIC_RELAXED);

	*low = at_low ? SEGMENTS_RESERVED + at_low : 0;
	*high = at_low ? SEGMENTS_RESERVED + at_high : 0;
}

void marks_note_taken(struct logs *ls)
{
	ls->marks.due = true;
}

void marks_note_put(struct logs *ls)
{
	struct marks *m = &ls->marks;
	uint32_t most = MARKS_WORK * (m->at.high + 1);

	m->work = m->work + MARKS_WORK < most ? m->work + MARKS_WORK : most;
	m->due = true;
}

void marks_note_ended(struct logs *ls, bool failed)
{
	ls->marks.due = true;
	if (failed)
		ls->marks.work = 0;
}

void marks_note_reclaim(struct logs *ls)
{
	if (ls->marks.waiting)
		ls->marks.in_line++;
	else
		ls->marks.ahead++;
}

/* Returns true if the next operation of L waits until a segment is free. */
static bool marks_waits(const struct log *l)
{
	const struct log_segments *of = &l->segs;

	if (!l->prepares || !l->pending.first || of->ahead_count)
		return false;
	/* A put does not go to a segment of the reserve. */
	if (of->open && !(of->open->from_reserve && l->pending.first->kind == WEIR_STORE_PUT))
		return false;
	return l->all->segs.free_count <= SEGMENTS_RESERVED;
}

void marks_watch(struct log *l)
{
	struct marks *m = &l->all->marks;
	bool waits = marks_waits(l);

	if (waits && !l->waits_since) {
		l->waits_since = loop_now(l->io->q);
		m->waiting++;
	} else if (!waits && l->waits_since) {
		CHECK(m->waiting > 0);
		hist_record(&m->wait, loop_now(l->io->q) - l->waits_since);
		l->waits_since = 0;
		m->waiting--;
	}
}

/* Returns true if a put or delete waits for its position. */
static bool marks_is_awaited(const struct logs *ls)
{
	const struct log *l;
	uint32_t i;

	LOGS_FOREACH(ls, l, i)
	if (l->pending.first)
		return true;
	return false;
}

bool marks_may_stop(const struct logs *ls)
{
	return ls->closing && !marks_is_awaited(ls);
}

/* Returns the number of segments beyond the reserve that are free, or will soon be. */
static uint32_t marks_free(const struct logs *ls)
{
	uint32_t all = ls->segs.free_count + ls->reclaiming;

	return all > SEGMENTS_RESERVED ? all - SEGMENTS_RESERVED : 0;
}

/* It needs puts of this life, so a store that is only read writes nothing. */
bool marks_want(struct logs *ls)
{
	struct marks *m = &ls->marks;
	uint32_t left = marks_free(ls);

	if (!m->at.low || !m->due || !m->work || ls->closing || ls->io->broken ||
	    ls->io->read_only || ls->full || ls->reclaim_failed)
		return false;
	if (left < m->at.low)
		m->filling = true;
	if (left >= m->at.high)
		m->filling = false;
	m->due = m->filling;
	return m->filling;
}

/* While the low mark is held, nothing alive leaves the store for this. */
bool marks_allow(struct logs *ls, const struct victim *v)
{
	struct marks *m = &ls->marks;

	m->due = v && (v->rule.all || !v->seg->live_blocks || marks_free(ls) < m->at.low);
	m->work -= m->due;
	return m->due;
}
