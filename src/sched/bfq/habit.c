/* SPDX-License-Identifier: Apache-2.0 */
/*
 * habit.c - learns how a queue behaves: how far apart its requests are ("seeky"), how long it
 * takes from a completion to the next request ("think time"), and for which part of the time it
 * has no request.
 *
 * It also learns whether the drive works on several requests at once.
 */
#include "sched/bfq/habit.h"

#include "base/nsec.h"

#define SEEK_SECTORS 800u
/* the weight of a sample in think_samples; each new sample reduces the old ones by an eighth */
#define THINK_UNIT 256u
#define WINDOW_NS (200 * NSEC_PER_MSEC)
#define WINDOW_IDLE_PARTS 5

bool bfq_habit_is_seek(const struct bfq *d, uint64_t last_end, const struct sched_rq *rq)
{
	uint64_t far = rq->sector > last_end ? rq->sector - last_end : last_end - rq->sector;

	return far > SEEK_SECTORS && (d->s.env.rotational || rq->nr_sectors < BFQ_SMALL_SECTORS);
}

static void habit_think(const struct bfq *d, struct bfq_queue *q, uint64_t took)
{
	uint64_t cap = 2 * bfq_habit_slice_ns(d);

	took = took < cap ? took : cap;
	q->think_samples = (7 * q->think_samples + THINK_UNIT) / 8;
	q->think_total = (7 * q->think_total + THINK_UNIT * took) / 8;
	q->think_mean = (q->think_total + THINK_UNIT / 2) / q->think_samples;
}

/* Adds IDLE ns, in which Q had no request, to its last 200 ms. */
static void habit_window(const struct bfq *d, struct bfq_queue *q, uint64_t idle)
{
	uint64_t window = d->now - q->window_start_ns;

	q->window_idle_ns += idle;
	if (window > WINDOW_NS) {
		/* Microseconds, so that no product overflows. */
		q->window_idle_ns = q->window_idle_ns / NSEC_PER_USEC *
				    (WINDOW_NS / NSEC_PER_USEC) / (window / NSEC_PER_USEC) *
				    NSEC_PER_USEC;
		q->window_start_ns = d->now - WINDOW_NS;
		window = WINDOW_NS;
	}
	q->io_bound = q->window_idle_ns * WINDOW_IDLE_PARTS <= window;
}

void bfq_habit_arrival(struct bfq *d, struct bfq_queue *q, const struct sched_rq *rq)
{
	bool first = !q->last_end;

	if (!q->waiting && !q->in_drive && q->last_done_ns) {
		habit_think(d, q, d->now - q->last_done_ns);
		habit_window(d, q, d->now - q->last_done_ns);
	}
	q->seeks = q->seeks << 1 | (!first && bfq_habit_is_seek(d, q->last_end, rq));
	q->last_end = bfq_end(rq);
}

/*
 * Sets whether the drive works on several requests at once: it had that many in one of the last
 * samples.
 */
static void habit_learn_queueing(struct bfq *d)
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

void bfq_habit_completion(struct bfq *d, struct bfq_queue *q)
{
	habit_learn_queueing(d);
	d->in_drive--;
	q->in_drive--;
	q->last_done_ns = d->now;
}
