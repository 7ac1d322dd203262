/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stats.c - what a queue has done and what it is: figures for users, and the two limits that may
 * change while it runs. Owns nothing; any thread, at any time (all counters are atomics with one
 * writer each).
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/error.h"
#include "base/opts.h"
#include "queue/lane/lane.h"
#include "queue/stats.h"

static uint64_t stats_get(const uint64_t *counter)
{
	return __atomic_load_n(counter, __ATOMIC_RELAXED);
}

static void stats_add(struct weir_queue_stats *sum, const struct lane_stats *s)
{
	sum->requests += stats_get(&s->requests);
	sum->back_merges += stats_get(&s->back_merges);
	sum->front_merges += stats_get(&s->front_merges);
	sum->discard_merges += stats_get(&s->discard_merges);
	sum->request_merges += stats_get(&s->request_merges);
	sum->splits += stats_get(&s->splits);
	sum->bounced += stats_get(&s->bounced);
	sum->registered += stats_get(&s->registered);
	sum->register_failures += stats_get(&s->register_failures);
	sum->tag_waits += stats_get(&s->tag_waits);
	sum->requeues += stats_get(&s->requeues);
	sum->resubmits += stats_get(&s->resubmits);
	sum->batches += stats_get(&s->batches);
	sum->sleeps += stats_get(&s->sleeps);
	sum->wakeups += stats_get(&s->wakeups);
	sum->retried_merges += stats_get(&s->retried_merges);
}

void stats_hists(const struct weir_queue *q, enum weir_op op, struct hist *wait,
		 struct hist *device)
{
	CHECK(op < WEIR_OP_COUNT);
	for (uint32_t i = 0; i < q->nr_lanes; i++) {
		hist_merge(wait, &q->lanes[i].stats->op[op].wait);
		hist_merge(device, &q->lanes[i].stats->op[op].device);
	}
}

bool stats_targets(const struct weir_queue *q, struct stats_target *out)
{
	*out = (struct stats_target){ 0 };
	if (!__atomic_load_n(&q->sched_ops, __ATOMIC_ACQUIRE)->read_target)
		return false;
	for (uint32_t i = 0; i < q->nr_lanes; i++) {
		const struct lane_stats *s = q->lanes[i].stats;
		uint64_t ns = stats_get(&s->read_target_ns);

		out->ns = ns > out->ns ? ns : out->ns;
		out->reads_in += stats_get(&s->reads_in_target);
		out->reads_over += stats_get(&s->reads_over_target);
	}
	return true;
}

bool stats_figure(const struct weir_queue *q, uint32_t lane, bool reason, uint32_t n,
		  struct stats_figure *out)
{
	const struct lane_stats *s = lane < q->nr_lanes ? q->lanes[lane].stats : NULL;
	const struct sched_ops *ops = s ? __atomic_load_n(&s->sched, __ATOMIC_ACQUIRE) : NULL;
	const char *const *names = ops ? (reason ? ops->reasons : ops->gauges) : NULL;
	uint32_t i = 0;

	while (names && names[i] && i < n)
		i++;
	if (!names || !names[i])
		return false;
	*out = (struct stats_figure){ .name = names[i] };
	if (reason)
		out->count = stats_get(&s->reasons[i]);
	else
		out->value = __atomic_load_n(&s->gauge[i], __ATOMIC_RELAXED);
	return true;
}

static void stats_summarize(struct weir_queue *q, enum weir_op op, struct hist *hist,
			    struct weir_op_stats *out)
{
	memset(hist, 0, sizeof(*hist));
	for (uint32_t i = 0; i < q->nr_lanes; i++)
		hist_merge(hist, &q->lanes[i].stats->op[op].wait);
	hist_summary(hist, &out->wait);
	memset(hist, 0, sizeof(*hist));
	for (uint32_t i = 0; i < q->nr_lanes; i++)
		hist_merge(hist, &q->lanes[i].stats->op[op].device);
	hist_summary(hist, &out->device);
}

int weir_queue_get_op_stats(struct weir_queue *q, enum weir_op op, struct weir_op_stats *stats)
{
	struct weir_op_stats sum = WEIR_OP_STATS_INIT;
	int err = queue_check_process(q);
	struct hist *hist;

	if (err)
		return err;
	if (op >= WEIR_OP_COUNT)
		return error_set(-EINVAL, "no such operation: %u", op);
	hist = malloc(sizeof(*hist));
	if (!hist)
		return error_sys(-ENOMEM, "cannot sum up the statistics");
	for (uint32_t i = 0; i < q->nr_lanes; i++) {
		const struct lane_stats *s = q->lanes[i].stats;

		sum.ios += stats_get(&s->op[op].ios);
		sum.bytes += stats_get(&s->op[op].bytes);
		sum.errors += stats_get(&s->op[op].errors);
	}
	stats_summarize(q, op, hist, &sum);
	free(hist);
	return opts_give(stats, OPTS_SIZE(stats), &sum, sizeof(sum));
}

int weir_queue_get_stats(struct weir_queue *q, struct weir_queue_stats *stats)
{
	struct weir_queue_stats sum = WEIR_QUEUE_STATS_INIT;
	int err = queue_check_process(q);

	if (err)
		return err;
	for (uint32_t i = 0; i < q->nr_lanes; i++) {
		const struct lane *lane = &q->lanes[i];

		stats_add(&sum, lane->stats);
		sum.in_flight += __atomic_load_n(&lane->out.commands, __ATOMIC_RELAXED);
		sum.in_flight_bytes += __atomic_load_n(&lane->out.bytes, __ATOMIC_RELAXED);
	}
	return opts_give(stats, OPTS_SIZE(stats), &sum, sizeof(sum));
}

int weir_queue_get_info(struct weir_queue *q, struct weir_queue_info *info)
{
	const struct sched_ops *ops = __atomic_load_n(&q->sched_ops, __ATOMIC_ACQUIRE);
	struct weir_queue_info all = {
		.size = sizeof(all),
		.engine = q->engine_ops->name,
		.engine_why = q->engine_why,
		.scheduler = ops->name,
		.lanes = q->opts.lanes,
		.depth = __atomic_load_n(&q->depth, __ATOMIC_RELAXED),
		.nr_requests = __atomic_load_n(&q->nr_requests, __ATOMIC_RELAXED),
		.depth_bytes = __atomic_load_n(&q->depth_bytes, __ATOMIC_RELAXED),
		.max_io_bytes = __atomic_load_n(&q->max_io_bytes, __ATOMIC_RELAXED),
		.max_segments = q->max_segments,
		.deadlines = (ops->flags & SCHED_DEADLINES) != 0,
	};
	int err = queue_check_process(q);

	return err ? err : opts_give(info, OPTS_SIZE(info), &all, sizeof(all));
}

struct weir_device *weir_queue_device(struct weir_queue *q)
{
	return q->dev;
}

int weir_queue_set_depth(struct weir_queue *q, uint32_t depth)
{
	int err = queue_check_process(q);

	if (err)
		return err;
	if (!depth || depth > q->opts.depth)
		return error_set(-EINVAL, "depth %u: it goes from 1 to %u, the depth at open",
				 depth, q->opts.depth);
	pthread_mutex_lock(&q->lock);
	__atomic_store_n(&q->depth, depth, __ATOMIC_RELAXED);
	control_changed(q);
	pthread_mutex_unlock(&q->lock);
	return 0;
}

int weir_queue_set_depth_bytes(struct weir_queue *q, uint64_t depth_bytes)
{
	int err = queue_check_process(q);

	if (err)
		return err;
	if (!depth_bytes)
		return error_set(-EINVAL, "depth_bytes is at least 1");
	pthread_mutex_lock(&q->lock);
	__atomic_store_n(&q->depth_bytes, depth_bytes, __ATOMIC_RELAXED);
	control_changed(q);
	pthread_mutex_unlock(&q->lock);
	return 0;
}
