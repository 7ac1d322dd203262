/* SPDX-License-Identifier: Apache-2.0 */
/* load.c - what the lanes of a queue have done, as text. See load.h. */
#include "queue/load.h"

#include <inttypes.h>

#include "queue/lane/lane.h"

static uint64_t load_get(const uint64_t *counter)
{
	return __atomic_load_n(counter, __ATOMIC_RELAXED);
}

void load_write_hist(const struct hist *h, FILE *out)
{
	fprintf(out, "%" PRIu64 " %" PRIu64, load_get(&h->sum), load_get(&h->max));
	for (uint32_t i = 0; i < HIST_BUCKETS; i++) {
		uint64_t n = load_get(&h->bucket[i]);

		if (n)
			fprintf(out, " %u:%" PRIu64, i, n);
	}
	fputc('\n', out);
}

static void load_write_op(const struct lane *lane, uint32_t device, enum weir_op op,
			  const char *name, FILE *out)
{
	const struct lane_stats *s = lane->stats;

	fprintf(out, "ios %u %u %s %" PRIu64 " %" PRIu64 "\n", device, lane->index, name,
		load_get(&s->op[op].ios), load_get(&s->op[op].bytes));
	fprintf(out, "took %u %u %s wait ", device, lane->index, name);
	load_write_hist(&s->op[op].wait, out);
	fprintf(out, "took %u %u %s device ", device, lane->index, name);
	load_write_hist(&s->op[op].device, out);
}

static void load_write_sched(const struct lane *lane, uint32_t device, FILE *out)
{
	const struct lane_stats *s = lane->stats;
	const struct sched_ops *ops = __atomic_load_n(&s->sched, __ATOMIC_ACQUIRE);

	for (uint32_t i = 0; ops->reasons && i < SCHED_REASONS_MAX && ops->reasons[i]; i++)
		fprintf(out, "reason %u %u %s %" PRIu64 "\n", device, lane->index, ops->reasons[i],
			load_get(&s->reasons[i]));
	for (uint32_t i = 0; ops->gauges && i < SCHED_GAUGES_MAX && ops->gauges[i]; i++)
		fprintf(out, "gauge %u %u %s %" PRId64 "\n", device, lane->index, ops->gauges[i],
			__atomic_load_n(&s->gauge[i], __ATOMIC_RELAXED));
}

void load_write(const struct weir_queue *q, uint32_t device, FILE *out)
{
	for (uint32_t i = 0; i < q->nr_lanes; i++) {
		const struct lane *lane = &q->lanes[i];

		fprintf(out, "lane %u %u %s %u %" PRIu64 " %" PRIu64 "\n", device, i,
			__atomic_load_n(&lane->stats->sched, __ATOMIC_ACQUIRE)->name,
			__atomic_load_n(&lane->out.commands, __ATOMIC_RELAXED),
			__atomic_load_n(&lane->out.bytes, __ATOMIC_RELAXED),
			load_get(&lane->stats->tag_waits));
		load_write_op(lane, device, WEIR_OP_READ, "read", out);
		load_write_op(lane, device, WEIR_OP_WRITE, "write", out);
		load_write_sched(lane, device, out);
	}
}
