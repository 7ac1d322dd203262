/* SPDX-License-Identifier: Apache-2.0 */
/*
 * idle.c - when to keep the drive free for a queue that has nothing to send right now.
 *
 * Two reasons to wait. It can be faster: on a hard disk, the next request of a queue that reads in
 * order is near, and everybody else's is far. And it can be a promise: a queue that sends one
 * request at a time would lose its turn after each, and so its share, if weights differ. To decide,
 * bfq keeps for each queue how far apart its requests are ("seeky"), how long it takes from an
 * answer to the next request ("think time"), and how much of the time it asks for nothing.
 *
 * Waiting is nothing but dispatch() that answers NULL and a time to be asked again; this file owns
 * that time.
 */
#include "sched/bfq/bfq.h"

#define SEEK_SECTORS 800u
#define THINK_UNIT 256u /* a sample in think_samples, before it is forgotten by eighths */
#define WINDOW_NS (200 * BFQ_MSEC)
#define WINDOW_IDLE_PARTS 5
#define SEEKY_SLICE_NS (2 * BFQ_MSEC)
#define RAISED_SLICE_NS (20 * BFQ_MSEC)
#define FOREIGN_MANY 4u /* requests of others in the drive that delay a raised queue */

bool idle_is_seek(const struct bfq *d, uint64_t last_end, const struct sched_rq *rq)
{
	uint64_t far = rq->sector > last_end ? rq->sector - last_end : last_end - rq->sector;

	return far > SEEK_SECTORS && (d->s.env.rotational || rq->nr_sectors < BFQ_SMALL_SECTORS);
}

static void idle_think(const struct bfq *d, struct bfq_queue *q, uint64_t took)
{
	uint64_t cap = 2 * idle_slice_ns(d);

	took = took < cap ? took : cap;
	q->think_samples = (7 * q->think_samples + THINK_UNIT) / 8;
	q->think_total = (7 * q->think_total + THINK_UNIT * took) / 8;
	q->think_mean = (q->think_total + THINK_UNIT / 2) / q->think_samples;
}

/* Of the last 200 ms, the queue asked for nothing in so many. */
static void idle_window(const struct bfq *d, struct bfq_queue *q, uint64_t idle)
{
	uint64_t window = d->now - q->window_start_ns;

	q->window_idle_ns += idle;
	if (window > WINDOW_NS) {
		/* In microseconds: no product overflows. */
		q->window_idle_ns = q->window_idle_ns / BFQ_USEC * (WINDOW_NS / BFQ_USEC) /
				    (window / BFQ_USEC) * BFQ_USEC;
		q->window_start_ns = d->now - WINDOW_NS;
		window = WINDOW_NS;
	}
	q->io_bound = q->window_idle_ns * WINDOW_IDLE_PARTS <= window;
}

void idle_arrival(struct bfq *d, struct bfq_queue *q, const struct sched_rq *rq)
{
	bool first = !q->last_end;

	if (!q->waiting && !q->in_drive && q->last_done_ns) {
		idle_think(d, q, d->now - q->last_done_ns);
		idle_window(d, q, d->now - q->last_done_ns);
	}
	q->seeks = q->seeks << 1 | (!first && idle_is_seek(d, q->last_end, rq));
	q->last_end = bfq_end(rq);
}

/* Others would take from Q what its weight promises. */
static bool idle_is_needed(const struct bfq *d, const struct bfq_queue *q)
{
	if (q->raise > 1 && (d->busy_raised < d->busy || d->in_drive >= q->in_drive + FOREIGN_MANY))
		return true;
	return idle_asymmetric(d, q) || d->busy == 1;
}

bool idle_is_better(const struct bfq *d, const struct bfq_queue *q)
{
	if (q->gone) /* nobody will come */
		return false;
	if (d->value[STRICT_GUARANTEES])
		return true;
	if (!d->value[SLICE_IDLE_US] || !q->sync || q->entity.class == BFQ_IDLE)
		return false;
	return idle_boosts(d, q) || idle_is_needed(d, q);
}

uint64_t idle_for_ns(const struct bfq *d, const struct bfq_queue *q)
{
	uint64_t slice = idle_slice_ns(d);

	if (q->raise > 1)
		return slice > RAISED_SLICE_NS ? slice : RAISED_SLICE_NS;
	if (idle_seeky(q) && !idle_asymmetric(d, q))
		return slice < SEEKY_SLICE_NS ? slice : SEEKY_SLICE_NS;
	return slice;
}

void idle_begin(struct bfq *d, struct bfq_queue *q)
{
	d->idle_until = d->now + idle_for_ns(d, q);
}

void idle_over(struct bfq *d)
{
	struct bfq_queue *q = d->in_service;

	/* However late we are told. */
	if (d->idle_until > d->now)
		d->now = d->idle_until;
	d->idle_until = SCHED_NEVER;
	budget_expire(d, budget_timed_out(d, q) ? BFQ_TIMEOUT : BFQ_TOO_IDLE);
}

/* The drive takes several at once, if it ever had so many of enough. */
static void idle_learn_queueing(struct bfq *d)
{
	enum { SEVERAL = 3, SAMPLES = 32 };

	if (d->in_drive > d->max_in_drive)
		d->max_in_drive = d->in_drive;
	if (d->in_drive + d->waiting <= SEVERAL || ++d->tag_samples < SAMPLES)
		return;
	d->queueing = d->max_in_drive > SEVERAL;
	d->max_in_drive = 0;
	d->tag_samples = 0;
}

void idle_completion(struct bfq *d, struct bfq_queue *q)
{
	idle_learn_queueing(d);
	d->in_drive--;
	q->in_drive--;
	q->last_done_ns = d->now;
}
