/* SPDX-License-Identifier: Apache-2.0 */
/*
 * slice_length.c - cfq: the length of slices. Each higher level has a fifth of the base less. If
 * there are many queues and low_latency is set, all slices become shorter, so that each queue gets
 * one within target_latency.
 */
#include "sched/cfq/cfq.h"

/* Returns A * B / C for times, rounded to microseconds. */
static uint64_t cfq_slice_share(uint64_t a, uint64_t b, uint64_t c)
{
	return a / 1000 * (b / 1000) / (c / 1000) * 1000;
}

static uint64_t cfq_max(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

uint64_t cfq_slice_of_level(const struct cfq *cfq, bool sync, uint8_t level)
{
	uint64_t base = cfq_ms(cfq, sync ? CFQ_SLICE_SYNC : CFQ_SLICE_ASYNC);

	return base + base * 4 / 5 - base / 5 * level;
}

/*
 * Returns the number of busy queues of a class: the current number, or the recent average if that
 * is larger.
 */
static uint64_t cfq_slice_busy(const struct cfq *cfq, enum cfq_class class)
{
	uint64_t average = (cfq->average[class] + 8) / 16;

	return cfq_max(cfq_max(average, cfq->busy[class]), 1);
}

void cfq_slice_average(struct cfq *cfq)
{
	for (int class = 0; class < CFQ_NR_CLASSES; class ++) {
		uint32_t busy = cfq->busy[class] * 16;

		cfq->average[class] = (uint32_t)cfq_max(busy, (3 * cfq->average[class] + busy) / 4);
	}
}

uint64_t cfq_slice_scaled(const struct cfq *cfq, const struct cfq_queue *q)
{
	uint64_t slice = cfq_slice_of_level(cfq, q->sync, q->level);
	uint64_t sync = cfq_ms(cfq, CFQ_SLICE_SYNC), target = cfq_ms(cfq, CFQ_TARGET_LATENCY);
	uint64_t all = sync * cfq_slice_busy(cfq, q->class), least;

	if (!cfq->value[CFQ_LOW_LATENCY] || all <= target)
		return slice;
	least = cfq_slice_share(2 * cfq_ms(cfq, CFQ_SLICE_IDLE), slice, sync);
	if (least > slice)
		least = slice;
	return cfq_max(cfq_slice_share(slice, target, all), least);
}

uint64_t cfq_slice_of_workload(const struct cfq *cfq, enum cfq_class class, enum cfq_type type)
{
	uint64_t slice = cfq_ms(cfq, CFQ_TARGET_LATENCY) * cfq->tree[class][type].count /
			 cfq_slice_busy(cfq, class);

	if (type == CFQ_ASYNC)
		return cfq_slice_share(slice, cfq_ms(cfq, CFQ_SLICE_ASYNC),
				       cfq_ms(cfq, CFQ_SLICE_SYNC));
	return cfq_max(slice, 2 * cfq_ms(cfq, CFQ_SLICE_IDLE));
}

void cfq_slice_start_time(struct cfq *cfq, struct cfq_queue *q)
{
	q->slice_begun = true;
	q->slice_end = cfq->now + cfq_slice_scaled(cfq, q);
}

bool cfq_slice_used(const struct cfq *cfq, const struct cfq_queue *q)
{
	return q->slice_begun && cfq->now >= q->slice_end;
}
