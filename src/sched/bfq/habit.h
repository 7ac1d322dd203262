/* SPDX-License-Identifier: Apache-2.0 */
/* habit.h - the behaviour of a queue, and whether the drive works on several requests at once. */
#ifndef BFQ_HABIT_H
#define BFQ_HABIT_H

#include "base/nsec.h"
#include "sched/bfq/bfq.h"

#define BFQ_SEEKY_MANY 19
#define BFQ_THINK_SAMPLES 80u

static inline uint64_t bfq_habit_slice_ns(const struct bfq *d)
{
	return (uint64_t)d->value[SLICE_IDLE_US] * NSEC_PER_USEC;
}

/*
 * Returns true if Q seeks: more than BFQ_SEEKY_MANY of its last 32 requests were seeks. The bits
 * are added in pairs, fours and eights. Without an instruction of the processor, which not each
 * has, the compiler would call a function, and each end of a service asks.
 */
static inline bool bfq_habit_seeky(const struct bfq_queue *q)
{
	uint32_t n = q->seeks;

	n -= n >> 1 & 0x55555555u;
	n = (n & 0x33333333u) + (n >> 2 & 0x33333333u);
	n = (n + (n >> 4)) & 0x0f0f0f0fu;
	return n * 0x01010101u >> 24 > BFQ_SEEKY_MANY;
}

/*
 * Returns true if Q sends its next request soon after a completion, according to the samples so
 * far.
 */
static inline bool bfq_habit_short_think(const struct bfq *d, const struct bfq_queue *q)
{
	return q->think_samples <= BFQ_THINK_SAMPLES || q->think_mean <= bfq_habit_slice_ns(d) / 2;
}

/* Returns true if the step from LAST_END to RQ is a seek. */
bool bfq_habit_is_seek(const struct bfq *d, uint64_t last_end, const struct sched_rq *rq);
/* Learns from RQ, which is about to be added to Q. */
void bfq_habit_arrival(struct bfq *d, struct bfq_queue *q, const struct sched_rq *rq);
/* Learns from the completion of a request of Q, and counts it. */
void bfq_habit_completion(struct bfq *d, struct bfq_queue *q);

#endif
