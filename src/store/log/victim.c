/* SPDX-License-Identifier: Apache-2.0 */
/*
 * victim.c - chooses the segment that is reclaimed next.
 *
 * Garbage comes first. The oldest segment of any log, in which at most a quarter of the blocks
 * live, is reclaimed without losing anything: what lives in it is appended again. If there is none,
 * the garbage may lie behind segments that are full of live entries. So the oldest segment of a log
 * that has much garbage is moved as a whole, as often as it takes to reach the garbage; on average
 * this writes at most two segments for each that becomes free. Only if there is no such log either,
 * entries leave the store: the oldest segment of a stream that is over its share, or else of all,
 * is reclaimed by the eviction policy.
 * This file only reads; it runs on the loop's thread.
 */
#include "store/format/policy.h"
#include "store/log/logs.h"
#include "store/log/victim.h"

/* A segment is nearly empty if at most one block of so many lives. */
#define VICTIM_GARBAGE_PART 4u
/* A log has much garbage if for each block of it so many blocks live, or fewer. */
#define VICTIM_LOG_PART 2u

/* Returns true if SEG, the oldest segment of L, has batches that are not published. It may be
 * sealed all the same, while a failed batch of another log holds them back. */
static bool victim_is_too_early(const struct log *l, const struct segment *seg)
{
	const struct batch *b = STAILQ_FIRST(&l->batches);

	return b && b->seg == seg;
}

/*
 * Returns the oldest segment of L if it may be reclaimed, otherwise NULL.
 *
 * Law oldest-first (segment_reclaim): only the oldest segment of a log is reclaimed, so whatever
 * supersedes a record dies after it.
 */
static struct segment *victim_head(const struct log *l)
{
	struct segment *head = TAILQ_FIRST(&l->segs.list);

	return head && head->state == SEGMENT_SEALED && !victim_is_too_early(l, head) ? head : NULL;
}

/* Returns the blocks that BLOCKS of payloads take in L, records and headers included. */
static uint64_t victim_weighed(const struct log *l, uint64_t blocks)
{
	return blocks * l->weight / LOG_WEIGHT_ONE;
}

static bool victim_is_garbage(const struct logs *ls, const struct segment *seg)
{
	return victim_weighed(seg->log, seg->live_blocks) * VICTIM_GARBAGE_PART <=
	       ls->io->lay->segment_blocks;
}

/* Returns how many blocks of SEG would be won by moving what lives in it. Unused blocks count only
 * in a nearly empty segment, which was sealed early: behind long values as many would stay unused
 * again. */
static uint64_t victim_garbage_in(const struct logs *ls, const struct segment *seg)
{
	uint64_t live = victim_weighed(seg->log, seg->live_blocks), blocks = seg->end - 1;

	if (seg->state == SEGMENT_SEALED && victim_is_garbage(ls, seg))
		blocks = ls->io->lay->segment_blocks;
	return blocks > live ? blocks - live : 0;
}

/* Returns how many blocks of L are garbage; 0: not many. */
static uint64_t victim_garbage_of(const struct log *l)
{
	uint64_t live = 0, garbage = 0;
	const struct segment *seg;

	/* What lives in segments that are set aside is never moved. */
	TAILQ_FOREACH(seg, &l->segs.list, link) {
		live += seg->live_blocks;
		garbage += victim_garbage_in(l->all, seg);
	}
	return garbage * VICTIM_LOG_PART >= victim_weighed(l, live) ? garbage : 0;
}

/* Returns true if the survivors of SEG take a whole new segment, so that the first reclaim of its
 * log gives back only what it took. */
static bool victim_wins_nothing(const struct segment *seg)
{
	const struct log_segments *of = &seg->log->segs;

	return seg->live_blocks && !of->open && !of->ahead_count && of->used == 1;
}

/*
 * Returns true if A is reclaimed before B, both of them nearly empty.
 *
 * Law emptiest-first: of the segments that are nearly empty, the one in which least lives is
 * reclaimed first.
 */
static bool victim_is_emptier(const struct segment *a, const struct segment *b)
{
	if (victim_wins_nothing(a) != victim_wins_nothing(b))
		return victim_wins_nothing(b);
	if (a->live_blocks != b->live_blocks)
		return a->live_blocks < b->live_blocks;
	return generation_compare(a->gen, b->gen) < 0;
}

/* Returns the oldest segment of a log that is emptiest, if that is nearly empty; otherwise NULL. */
static struct segment *victim_garbage(const struct logs *ls)
{
	struct segment *head, *best = NULL;
	const struct log *l;
	uint32_t i;

	LOGS_FOREACH(ls, l, i)
	{
		head = victim_head(l);
		if (head && victim_is_garbage(ls, head) && (!best || victim_is_emptier(head, best)))
			best = head;
	}
	return best;
}

/* Returns the oldest segment of the log with the most garbage, if any log has much of it; otherwise
 * NULL. */
static struct segment *victim_before_garbage(const struct logs *ls)
{
	struct segment *head, *best = NULL;
	uint64_t garbage, most = 0;
	const struct log *l;
	uint32_t i;

	LOGS_FOREACH(ls, l, i)
	{
		head = victim_head(l);
		garbage = head && !victim_wins_nothing(head) ? victim_garbage_of(l) : 0;
		if (garbage > most) {
			most = garbage;
			best = head;
		}
	}
	return best;
}

static struct segment *victim_oldest(const struct logs *ls)
{
	struct segment *head, *best = NULL;
	const struct log *l;
	uint32_t i;

	LOGS_FOREACH(ls, l, i)
	{
		head = victim_head(l);
		if (head && (!best || generation_compare(head->gen, best->gen) < 0))
			best = head;
	}
	return best;
}

/*
 * Returns the oldest segment of the stream that is most over its share, or NULL.
 *
 * Law over-share (victim_oldest): when live entries must leave, a stream that is over its share
 * loses them first, else the oldest segment of all.
 */
static struct segment *victim_over_share(const struct logs *ls)
{
	struct segment *head, *best = NULL;
	uint64_t share, has, most = 0;
	const struct log *l;
	uint32_t i;

	LOGS_FOREACH(ls, l, i)
	{
		head = victim_head(l);
		share = (uint64_t)le32toh(ls->io->super.stream[i].share) *
			(ls->segs.count - ls->io->super.out_count);
		has = 100ull * l->segs.used;
		if (!head || !share || has <= share || has - share <= most)
			continue;
		most = has - share;
		best = head;
	}
	return best;
}

/* Returns true if no segment in which something lives can be reclaimed now. */
static bool victim_must_wait(const struct logs *ls)
{
	return ls->surviving || (!ls->segs.free_count && !TAILQ_EMPTY(&ls->reclaims));
}

/* Returns how many bytes the eviction policy may append again. */
static uint64_t victim_budget(const struct logs *ls)
{
	if (!ls->segs.free_count)
		return 0;
	return policy_budget(ls->policy, ls->rewrite_percent, ls->io->lay->segment_bytes,
			     ls->rewrite_left);
}

bool victim_choose(const struct logs *ls, struct victim *v)
{
	/* Headers that could not be written have taken the reserve: survivors have no place. Or
	 * nothing became free for a whole round: moving entries wins nothing. */
	bool moves = ls->segs.free_count && ls->fruitless < ls->segs.count;

	*v = (struct victim){ .seg = victim_garbage(ls) };
	if (v->seg && !v->seg->live_blocks)
		return true;
	if (victim_must_wait(ls))
		return false;
	if (!v->seg && moves)
		v->seg = victim_before_garbage(ls);
	/* Law garbage-first: as long as segments can be emptied by moving what lives in them, no
	 * live entry leaves the store for space. */
	v->rule.all = v->seg && moves;
	if (!v->rule.all) {
		v->seg = victim_over_share(ls);
		if (!v->seg)
			v->seg = victim_oldest(ls);
		v->rule.budget = victim_budget(ls);
	}
	return v->seg;
}
