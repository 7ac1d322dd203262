/* SPDX-License-Identifier: Apache-2.0 */
/*
 * idle.c - cfq: decides for which queues the drive stays idle. A program that reads one block
 * after another has no request waiting at the moment when a block is complete, but will soon send
 * one for a sector nearby. Serving another queue in between would cost two seeks. So the drive
 * stays idle for a moment, if the past behaviour of the queue shows that this saves time.
 */
#include "sched/cfq/cfq.h"

#define SEEK_SECTORS 800u /* a request that is farther from the last one is a seek */
#define SMALL_SECTORS 64u /* on drives without seeks, a smaller request counts as a seek */
/* a queue is seeky if more than this many of its last 32 requests were seeks */
#define SEEKY 4u
/* this many requests waiting at once make idling useful even for a seeky queue */
#define DEEP 4u
#define THINK_SAMPLES 80u /* samples that are needed, scaled by 256; the value approaches 256 */
#define HW_DEPTH 3u	  /* a drive that has more requests than this at once works on several */
#define HW_SAMPLES 32u

static bool cfq_idle_seeky(const struct cfq_queue *q)
{
	return (uint32_t)__builtin_popcount(q->seek_history) > SEEKY;
}

static void cfq_idle_seek(const struct cfq *cfq, struct cfq_queue *q, const struct sched_rq *rq)
{
	uint64_t far =
		rq->sector > q->last_end ? rq->sector - q->last_end : q->last_end - rq->sector;
	bool seek = q->has_end && far > SEEK_SECTORS;

	if (!cfq->s.env.rotational)
		seek = rq->nr_sectors < SMALL_SECTORS;
	q->seek_history = q->seek_history << 1 | seek;
	q->has_end = true;
	q->last_end = rq->sector + rq->nr_sectors;
}

/*
 * Measures the pause of Q's submitter: the time since Q's last completion, if Q had no request
 * since then.
 */
static void cfq_idle_think(const struct cfq *cfq, struct cfq_queue *q)
{
	uint64_t most = 2 * cfq_ms(cfq, CFQ_SLICE_IDLE), pause;

	if (!q->has_completed || q->waiting || q->with_drive)
		return;
	pause = cfq->now - q->last_completed;
	if (pause > most)
		pause = most;
	q->think_samples = (7 * q->think_samples + 256) / 8;
	q->think_total = (7 * q->think_total + 256 * pause) / 8;
	q->think_mean = q->think_total / q->think_samples;
}

static bool cfq_idle_thinks_long(const struct cfq_queue *q, uint64_t than)
{
	return q->think_samples > THINK_SAMPLES && q->think_mean > than;
}

void cfq_idle_arrival(struct cfq *cfq, struct cfq_queue *q, const struct sched_rq *rq)
{
	uint64_t slice_idle = cfq_ms(cfq, CFQ_SLICE_IDLE);

	if (!q->sync || q->class == CFQ_IDLE)
		return;
	cfq_idle_think(cfq, q);
	cfq_idle_seek(cfq, q, rq);
	if (q->waiting + 1 >= DEEP)
		q->deep = true;
	if (!slice_idle || (cfq_idle_seeky(q) && !q->deep))
		q->idle_window = false;
	else if (q->think_samples > THINK_SAMPLES)
		q->idle_window = !cfq_idle_thinks_long(q, slice_idle);
}

bool cfq_idle_worth(const struct cfq *cfq, const struct cfq_queue *q)
{
	uint64_t slice_idle = cfq_ms(cfq, CFQ_SLICE_IDLE);

	if (!slice_idle || !q->sync || q->class == CFQ_IDLE)
		return false;
	if (q->idle_window && (cfq->s.env.rotational || !cfq->hw_tag))
		return true;
	/*
	 * Q is the last queue in its tree: when it becomes empty, the slices of the whole tree
	 * end.
	 */
	return q->tree && q->tree->count == 1 && !cfq_idle_thinks_long(q, slice_idle);
}

uint64_t cfq_idle_time(const struct cfq *cfq, const struct cfq_queue *q)
{
	uint64_t alone = cfq_ms(cfq, CFQ_GROUP_IDLE);

	if (cfq_idle_worth(cfq, q))
		return cfq_ms(cfq, CFQ_SLICE_IDLE);
	return cfq_tree_busy(cfq) > 1 || cfq_idle_thinks_long(q, alone) ? 0 : alone;
}

void cfq_idle_begin(struct cfq *cfq, struct cfq_queue *q)
{
	uint64_t time;

	if (q->waiting || q->with_drive)
		return;
	time = cfq_idle_time(cfq, q);
	if (time && !cfq_idle_thinks_long(q, q->slice_end - cfq->now))
		cfq->idle_until = cfq->now + time;
}

void cfq_idle_sample(struct cfq *cfq)
{
	const struct cfq_queue *q = cfq->active;
	uint32_t with_drive = cfq->with_drive[false] + cfq->with_drive[true];

	/* Take a sample only if the drive could have had more requests. */
	if (cfq->waiting + with_drive <= HW_DEPTH)
		return;
	if (q && q->idle_window && q->waiting + q->with_drive <= HW_DEPTH && with_drive <= HW_DEPTH)
		return;
	if (with_drive > cfq->hw_max)
		cfq->hw_max = with_drive;
	if (++cfq->hw_samples < HW_SAMPLES)
		return;
	cfq->hw_tag = cfq->hw_max > HW_DEPTH;
	cfq->hw_samples = cfq->hw_max = 0;
}
