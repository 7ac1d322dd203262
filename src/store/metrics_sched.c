/* SPDX-License-Identifier: Apache-2.0 */
/*
 * metrics_sched.c - writes the metrics of the schedulers of a store's queues: why each lane's chose
 * requests, and what it says of itself (windows, rates). Owns nothing; the thread of the call.
 */
#include <inttypes.h>

#include "queue/stats.h"
#include "store/metrics.h"

/* Writes reason or gauge N of lane LANE of device D. Returns false if there is none. */
static bool metrics_sched_one(struct metrics *x, const struct metrics_device *d, uint32_t lane,
			      bool reason, uint32_t n)
{
	struct stats_figure figure;
	char number[METRICS_NUMBER];

	if (!stats_figure(d->facts.queue, lane, reason, n, &figure))
		return false;
	snprintf(number, sizeof(number), "%" PRIu32, lane);
	openmetrics_keep(&x->out, 0);
	openmetrics_label(&x->out, "device", d->number);
	openmetrics_label(&x->out, "lane", number);
	openmetrics_label(&x->out, reason ? "reason" : "figure", figure.name);
	openmetrics_count(&x->out, reason ? figure.count : (uint64_t)figure.value);
	return true;
}

static void metrics_sched_all(struct metrics *x, bool reason)
{
	for (uint32_t i = 0; i < x->devices; i++) {
		const struct metrics_device *d = &x->device[i];

		for (uint32_t lane = 0; d->facts.queue && lane < d->queue.lanes; lane++) {
			uint32_t n = 0;

			while (metrics_sched_one(x, d, lane, reason, n))
				n++;
		}
	}
}

void metrics_sched_write(struct metrics *x)
{
	openmetrics_family(&x->out, "weir_queue_chosen", OPENMETRICS_COUNTER,
			   "Requests by the reason why the scheduler chose them, if it gives one.");
	metrics_sched_all(x, true);
	openmetrics_family(&x->out, "weir_queue_scheduler", OPENMETRICS_GAUGE,
			   "What the scheduler says of itself now. A figure ends with its unit.");
	metrics_sched_all(x, false);
}
