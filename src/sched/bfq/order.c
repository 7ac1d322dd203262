/* SPDX-License-Identifier: Apache-2.0 */
/*
 * order.c - the requests of one queue, sorted by sector and by age, and the choice of the next
 * one.
 *
 * The next request is the nearest to the drive's head: ahead of it, or a little behind, where a
 * distance counts back_seek_penalty times. Requests farther behind than back_seek_max come after
 * all others. Once in a service the oldest request goes first if it waited too long.
 *
 * Owned by the queue. Requests at the same sector are in the order of arrival.
 */
#include "sched/bfq/order.h"

#include "base/nsec.h"

/* priv[1] of a waiting request orders those at one sector. */
static int order_cmp(const struct sched_rq *a, const struct sched_rq *b)
{
	uintptr_t x = (uintptr_t)a->priv[1], y = (uintptr_t)b->priv[1];

	if (a->sector != b->sector)
		return a->sector < b->sector ? -1 : 1;
	if (x != y)
		return x < y ? -1 : 1;
	return 0;
}

RB_GENERATE_INTERNAL(bfq_sorted, sched_rq, node, order_cmp, static __attribute__((unused)))

void bfq_order_init(struct bfq_queue *q)
{
	RB_INIT(&q->sorted);
	TAILQ_INIT(&q->fifo);
}

/*
 * Computes the weighted distance of RQ from FROM. Returns false if RQ is so far behind that it
 * comes last.
 */
static bool order_distance(const struct bfq *d, const struct sched_rq *rq, uint64_t from,
			   uint64_t *distance)
{
	uint64_t max = (uint64_t)d->value[BACK_SEEK_MAX] * 2;

	*distance = rq->sector - from;
	if (rq->sector >= from)
		return true;
	*distance = (from - rq->sector) * (uint64_t)d->value[BACK_SEEK_PENALTY];
	return from - rq->sector <= max;
}

struct sched_rq *bfq_order_choose(const struct bfq *d, struct sched_rq *a, struct sched_rq *b,
				  uint64_t from)
{
	uint64_t to_a, to_b;
	bool near_a, near_b;

	if (!a || !b || a == b)
		return a ? a : b;
	near_a = order_distance(d, a, from, &to_a);
	near_b = order_distance(d, b, from, &to_b);
	if (near_a != near_b)
		return near_a ? a : b;
	if (!near_a)
		return a->sector <= b->sector ? a : b;
	if (to_a != to_b)
		return to_a < to_b ? a : b;
	return a->sector >= b->sector ? a : b;
}

static void order_insert(struct bfq *d, struct bfq_queue *q, struct sched_rq *rq)
{
	rq->priv[1] = (void *)(uintptr_t)++d->last_seq;
	RB_INSERT(bfq_sorted, &q->sorted, rq);
}

void bfq_order_add(struct bfq *d, struct bfq_queue *q, struct sched_rq *rq)
{
	order_insert(d, q, rq);
	rq->inserted_ns = d->now;
	TAILQ_INSERT_TAIL(&q->fifo, rq, fifo);
	q->next = q->next ? bfq_order_choose(d, q->next, rq, d->last_end) : rq;
	q->waiting++;
	d->waiting++;
}

struct sched_rq *bfq_order_before(struct bfq_queue *q, struct sched_rq *rq)
{
	(void)q;
	return RB_PREV(bfq_sorted, &q->sorted, rq);
}

struct sched_rq *bfq_order_after(struct bfq_queue *q, struct sched_rq *rq)
{
	(void)q;
	return RB_NEXT(bfq_sorted, &q->sorted, rq);
}

struct sched_rq *bfq_order_from(struct bfq_queue *q, uint64_t sector)
{
	struct sched_rq at; /* seq 0 sorts before all others at its sector */

	at.sector = sector;
	at.priv[1] = NULL;
	return RB_NFIND(bfq_sorted, &q->sorted, &at);
}

static bool order_overdue(const struct bfq *d, const struct bfq_queue *q, const struct sched_rq *rq)
{
	enum bfq_tunable expire = q->sync ? FIFO_EXPIRE_SYNC : FIFO_EXPIRE_ASYNC;

	return rq->inserted_ns + (uint64_t)d->value[expire] * NSEC_PER_MSEC <= d->now;
}

static struct sched_rq *order_expired(const struct bfq *d, struct bfq_queue *q,
				      const struct sched_rq *gone)
{
	struct sched_rq *oldest = TAILQ_FIRST(&q->fifo);

	if (q->fifo_checked)
		return NULL;
	q->fifo_checked = true;
	if (oldest == gone)
		oldest = TAILQ_NEXT(oldest, fifo);
	return oldest && order_overdue(d, q, oldest) ? oldest : NULL;
}

/* Returns the request that goes next after RQ, which is still in the queue, has left. */
static struct sched_rq *order_successor(const struct bfq *d, struct bfq_queue *q,
					struct sched_rq *rq, bool dispatched)
{
	struct sched_rq *next = dispatched ? order_expired(d, q, rq) : NULL;

	if (next)
		return next;
	next = bfq_order_after(q, rq);
	if (!next)
		next = RB_MIN(bfq_sorted, &q->sorted);
	return bfq_order_choose(d, next == rq ? NULL : next, bfq_order_before(q, rq), rq->sector);
}

/* Removes the only request of Q. */
static void order_remove_last(struct bfq_queue *q, bool dispatched)
{
	q->next = NULL;
	q->fifo_checked |= dispatched;
	RB_INIT(&q->sorted);
	TAILQ_INIT(&q->fifo);
}

void bfq_order_remove(struct bfq *d, struct bfq_queue *q, struct sched_rq *rq, bool dispatched)
{
	d->waiting--;
	if (!--q->waiting) {
		order_remove_last(q, dispatched);
		return;
	}
	if (q->next == rq)
		q->next = order_successor(d, q, rq, dispatched);
	RB_REMOVE(bfq_sorted, &q->sorted, rq);
	TAILQ_REMOVE(&q->fifo, rq, fifo);
}

void bfq_order_moved(struct bfq *d, struct bfq_queue *q, struct sched_rq *rq)
{
	/* This uses the links only: RQ's place in the tree no longer fits its sector. */
	RB_REMOVE(bfq_sorted, &q->sorted, rq);
	order_insert(d, q, rq);
	q->next = bfq_order_choose(d, q->next, rq, d->last_end);
}
