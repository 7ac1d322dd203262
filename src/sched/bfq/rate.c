/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rate.c - measures the drive's best rate, which converts a time to a budget in sectors.
 *
 * The dispatches of about a second are a sample. It counts if most of it was sequential, or if it
 * was faster than the known rate. The longer and the more sequential a sample is, the more it
 * changes the rate.
 *
 * A second of a disk may have services of several queues, and seeks between them. Then no sample of
 * the dispatches is good enough, however fast one of the queues is. So on disks
 * there is a second kind of sample: the times between two completions in a row of one queue that
 * does not seek.
 *
 * Owns struct bfq_rate.
 */
#include "sched/bfq/rate.h"

#include "base/nsec.h"
#include "sched/bfq/habit.h"

/*
 * Reference drives: sectors a microsecond << 16, and the time in which they start a large program.
 */
#define REF_ROTATIONAL 14000u
#define REF_FLASH 33000u
#define REF_TIME_ROTATIONAL (7 * NSEC_PER_SEC)
#define REF_TIME_FLASH (5 * NSEC_PER_SEC / 2)
#define RAISE_MIN (3 * NSEC_PER_SEC)
#define RAISE_MAX (25 * NSEC_PER_SEC)

#define INTERVAL_NS NSEC_PER_SEC
#define SHORTEST_NS (300 * NSEC_PER_MSEC)
#define SAMPLES 32u
#define PAUSE_NS (100 * NSEC_PER_MSEC)
#define BUSY_NS (2 * NSEC_PER_MSEC)
#define IMPLAUSIBLE (20ull << BFQ_RATE_SHIFT)
#define SLOW_NS_A_SECTOR NSEC_PER_MSEC

static uint64_t rate_reference(const struct bfq *d)
{
	return d->s.env.rotational ? REF_ROTATIONAL : REF_FLASH;
}

void bfq_rate_init(struct bfq *d)
{
	d->rate.peak = rate_reference(d) * 2 / 3;
}

static void rate_learn(struct bfq_rate *r)
{
	uint64_t until = r->done_ns > r->last_ns ? r->done_ns : r->last_ns;
	uint64_t took = until - r->first_ns, rate, weight, divisor;

	if (r->samples < SAMPLES || took < SHORTEST_NS)
		return;
	rate = (r->sectors << BFQ_RATE_SHIFT) / (took / NSEC_PER_USEC);
	if ((r->sequential * 4ull < r->samples * 3ull && rate <= r->peak) || rate > IMPLAUSIBLE)
		return;
	weight = 9ull * r->sequential * (took / NSEC_PER_USEC) /
		 (r->samples * (INTERVAL_NS / NSEC_PER_USEC));
	divisor = 10 - (weight < 8 ? weight : 8);
	r->peak = r->peak * (divisor - 1) / divisor + rate / divisor;
	if (!r->peak)
		r->peak = 1;
}

void bfq_rate_dispatch(struct bfq *d, const struct sched_rq *rq)
{
	struct bfq_rate *r = &d->rate;
	bool paused = !d->in_drive && d->now - r->last_ns > PAUSE_NS;

	if (r->samples && (paused || d->now - r->first_ns >= INTERVAL_NS)) {
		rate_learn(r);
		r->samples = 0;
	}
	if (!r->samples) {
		r->first_ns = d->now;
		r->sectors = 0;
		r->sequential = 0;
		r->largest = 0;
	}
	r->samples++;
	if ((d->in_drive || d->now - r->done_ns < BUSY_NS) &&
	    !bfq_habit_is_seek(d, d->last_end, rq))
		r->sequential++;
	r->sectors += rq->nr_sectors;
	if (rq->nr_sectors > r->largest)
		r->largest = rq->nr_sectors;
	r->last_ns = d->now;
}

/* Learns from SHORTEST_NS of completions in a row. A queue that pauses is slower than the drive, so
 * only a higher rate counts; the drive has shown that it has it. */
static bool rate_learn_run(struct bfq_rate *r)
{
	uint64_t rate = (r->run_sectors << BFQ_RATE_SHIFT) / (r->run_ns / NSEC_PER_USEC);

	r->run_sectors = r->run_ns = 0;
	if (rate <= r->peak || rate > IMPLAUSIBLE)
		return false;
	r->peak = rate;
	r->from_run = true;
	return true;
}

bool bfq_rate_run(struct bfq *d, const struct sched_rq *rq)
{
	struct bfq_rate *r = &d->rate;
	const struct bfq_queue *q = bfq_of(rq);
	bool risen = false;

	/* The drive has not moved its sectors. What completes next began after something else. */
	if (rq->flags & SCHED_RQ_UNTIMED) {
		r->run_queue = NULL;
		return false;
	}
	if (q == r->run_queue && !bfq_habit_seeky(q)) {
		r->run_sectors += rq->nr_sectors;
		r->run_ns += d->now - r->done_ns;
		if (r->run_ns >= SHORTEST_NS)
			risen = rate_learn_run(r);
	}
	r->run_queue = q;
	return risen;
}

void bfq_rate_completion(struct bfq *d)
{
	struct bfq_rate *r = &d->rate;
	uint64_t took = d->now - (r->done_ns > r->last_ns ? r->done_ns : r->last_ns);

	r->done_ns = d->now;
	/* The delay has another cause than the speed of the drive: drop the sample. */
	if (r->samples && took > BUSY_NS && took / SLOW_NS_A_SECTOR > r->largest) {
		rate_learn(r);
		r->samples = 0;
	}
}

uint64_t bfq_rate_raise_ns(const struct bfq *d)
{
	uint64_t time = d->s.env.rotational ? REF_TIME_ROTATIONAL : REF_TIME_FLASH;
	uint64_t ref = rate_reference(d), rate = d->rate.peak;

	/* A start seeks, and a disk that is faster than the reference in order seeks no faster. */
	if (d->rate.from_run && rate > ref)
		rate = ref;
	time = ref * time / rate;
	if (time < RAISE_MIN)
		return RAISE_MIN;
	return time < RAISE_MAX ? time : RAISE_MAX;
}
