/* SPDX-License-Identifier: Apache-2.0 */
/*
 * metrics_devices.c - writes the metrics of the devices of a store and of their queues: which state
 * they are in, and how long requests waited above the device and in it. Owns nothing; the thread of
 * the call.
 */
#include <errno.h>

#include "queue/stats.h"
#include "store/metrics.h"

static const struct {
	enum weir_op op;
	const char *name;
} metrics_devices_ops[] = {
	{ WEIR_OP_READ, "read" },
	{ WEIR_OP_WRITE, "write" },
	{ WEIR_OP_FLUSH, "flush" },
	{ WEIR_OP_DISCARD, "discard" },
};

#define METRICS_OPS (sizeof(metrics_devices_ops) / sizeof(metrics_devices_ops[0]))

static int metrics_devices_one(struct metrics *x, uint32_t n)
{
	struct metrics_device *d = &x->device[n];
	int err;

	snprintf(d->number, sizeof(d->number), "%u", n + 1);
	d->facts = (struct weir_store_device)WEIR_STORE_DEVICE_INIT;
	d->stats = (struct weir_store_stats)WEIR_STORE_STATS_INIT;
	d->queue = (struct weir_queue_info)WEIR_QUEUE_INFO_INIT;
	d->queue_stats = (struct weir_queue_stats)WEIR_QUEUE_STATS_INIT;
	err = weir_store_get_device(x->s, n, &d->facts);
	if (err || !d->facts.queue)
		return err;
	err = weir_store_get_device_stats(x->s, n, &d->stats);
	if (!err)
		err = weir_queue_get_info(d->facts.queue, &d->queue);
	if (!err)
		err = weir_queue_get_stats(d->facts.queue, &d->queue_stats);
	return err;
}

int metrics_devices_gather(struct metrics *x)
{
	int err = 0;

	x->devices = x->info.devices;
	for (uint32_t n = 0; n < x->devices && !err; n++)
		err = metrics_devices_one(x, n);
	return err;
}

/* Makes the label of D the only one. */
static void metrics_devices_label(struct metrics *x, const struct metrics_device *d)
{
	openmetrics_keep(&x->out, 0);
	openmetrics_label(&x->out, "device", d->number);
}

static void metrics_devices_facts(struct metrics *x)
{
	openmetrics_family(&x->out, "weir_device", OPENMETRICS_INFO,
			   "The devices of the store, and what does their I/O.");
	for (uint32_t n = 0; n < x->devices; n++) {
		const struct metrics_device *d = &x->device[n];

		metrics_devices_label(x, d);
		openmetrics_label(&x->out, "path", d->facts.path ? d->facts.path : "");
		openmetrics_label(&x->out, "engine", d->queue.engine ? d->queue.engine : "");
		openmetrics_label(&x->out, "scheduler",
				  d->queue.scheduler ? d->queue.scheduler : "");
		openmetrics_count(&x->out, 1);
	}
}

static void metrics_devices_states(struct metrics *x)
{
	static const char *const states[] = { [WEIR_STORE_DEVICE_GOOD] = "good",
					      [WEIR_STORE_DEVICE_STOPPED] = "stopped",
					      [WEIR_STORE_DEVICE_MISSING] = "missing",
					      [WEIR_STORE_DEVICE_FAILING] = "failing" };

	openmetrics_family(&x->out, "weir_device_state", OPENMETRICS_GAUGE,
			   "1 for the state that a device is in, 0 for the others.");
	for (uint32_t n = 0; n < x->devices; n++)
		for (uint32_t i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
			metrics_devices_label(x, &x->device[n]);
			openmetrics_label(&x->out, "state", states[i]);
			openmetrics_count(&x->out, x->device[n].facts.state == i);
		}
}

static void metrics_devices_segments(struct metrics *x)
{
	openmetrics_family(&x->out, "weir_segments", OPENMETRICS_GAUGE,
			   "Segments of a device: free, used, out of use for good, or set aside: "
			   "out of use, and what is left there is served.");
	for (uint32_t n = 0; n < x->devices; n++) {
		const struct weir_store_stats *stats = &x->device[n].stats;
		uint64_t out = stats->recovered_out_of_use, aside = stats->aside_segments;
		const struct {
			const char *state;
			uint64_t count;
		} all[] = { { "free", stats->free_segments },
			    { "used", stats->used_segments > out ? stats->used_segments - out : 0 },
			    { "out_of_use", out > aside ? out - aside : 0 },
			    { "set_aside", aside } };

		for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
			metrics_devices_label(x, &x->device[n]);
			openmetrics_label(&x->out, "state", all[i].state);
			openmetrics_count(&x->out, all[i].count);
		}
	}
}

/* A family of a 64-bit member of struct metrics_device. */
static const struct {
	const char *name;
	size_t offset;
	enum openmetrics_type type;
	const char *help;
} metrics_devices_rows[] = {
	{ "weir_written_bytes", offsetof(struct metrics_device, stats.written_bytes),
	  OPENMETRICS_COUNTER,
	  "What the store has written to a device: headers and entries written again, too." },
	{ "weir_flushes", offsetof(struct metrics_device, stats.flushes), OPENMETRICS_COUNTER,
	  "Flushes of a device." },
	{ "weir_device_failed_ios", offsetof(struct metrics_device, stats.failed_ios),
	  OPENMETRICS_COUNTER, "What a device did not do." },
	{ "weir_queue_in_flight", offsetof(struct metrics_device, queue_stats.in_flight),
	  OPENMETRICS_GAUGE, "Commands that a device has now." },
	{ "weir_queue_in_flight_bytes",
	  offsetof(struct metrics_device, queue_stats.in_flight_bytes), OPENMETRICS_GAUGE,
	  "Bytes of these commands." },
	{ "weir_queue_requests", offsetof(struct metrics_device, queue_stats.requests),
	  OPENMETRICS_COUNTER, "Commands that were given to a device." },
	{ "weir_queue_tag_waits", offsetof(struct metrics_device, queue_stats.tag_waits),
	  OPENMETRICS_COUNTER, "Times that an io waited for a tag." },
};

static void metrics_devices_counts(struct metrics *x)
{
	for (size_t i = 0; i < sizeof(metrics_devices_rows) / sizeof(metrics_devices_rows[0]);
	     i++) {
		openmetrics_family(&x->out, metrics_devices_rows[i].name,
				   metrics_devices_rows[i].type, metrics_devices_rows[i].help);
		for (uint32_t n = 0; n < x->devices; n++) {
			const char *at = (const char *)&x->device[n];

			at += metrics_devices_rows[i].offset;
			metrics_devices_label(x, &x->device[n]);
			openmetrics_count(&x->out, *(const uint64_t *)(const void *)at);
		}
	}
}

/* Writes what WRITE says about each operation of each queue. */
static void metrics_devices_each(struct metrics *x,
				 void (*write)(struct metrics *x, struct weir_queue *q,
					       enum weir_op op))
{
	for (uint32_t n = 0; n < x->devices; n++)
		for (size_t i = 0; i < METRICS_OPS && x->device[n].facts.queue; i++) {
			metrics_devices_label(x, &x->device[n]);
			openmetrics_label(&x->out, "op", metrics_devices_ops[i].name);
			write(x, x->device[n].facts.queue, metrics_devices_ops[i].op);
		}
}

static void metrics_devices_hists(struct metrics *x, const struct weir_queue *q, enum weir_op op)
{
	x->first = x->second = (struct hist){ 0 };
	stats_hists(q, op, &x->first, &x->second);
}

static void metrics_devices_wait(struct metrics *x, struct weir_queue *q, enum weir_op op)
{
	metrics_devices_hists(x, q, op);
	openmetrics_hist(&x->out, &x->first);
}

static void metrics_devices_device(struct metrics *x, struct weir_queue *q, enum weir_op op)
{
	metrics_devices_hists(x, q, op);
	openmetrics_hist(&x->out, &x->second);
}

static struct weir_op_stats metrics_devices_op(struct weir_queue *q, enum weir_op op)
{
	struct weir_op_stats stats = WEIR_OP_STATS_INIT;

	(void)weir_queue_get_op_stats(q, op, &stats); /* without memory all are 0 */
	return stats;
}

static void metrics_devices_bytes(struct metrics *x, struct weir_queue *q, enum weir_op op)
{
	openmetrics_count(&x->out, metrics_devices_op(q, op).bytes);
}

static void metrics_devices_errors(struct metrics *x, struct weir_queue *q, enum weir_op op)
{
	openmetrics_count(&x->out, metrics_devices_op(q, op).errors);
}

static void metrics_devices_queues(struct metrics *x)
{
	openmetrics_family(&x->out, "weir_queue_wait_seconds", OPENMETRICS_HISTOGRAM,
			   "How long requests waited in the queue, before the device had them.");
	metrics_devices_each(x, metrics_devices_wait);
	openmetrics_family(&x->out, "weir_queue_device_seconds", OPENMETRICS_HISTOGRAM,
			   "How long the device took for requests.");
	metrics_devices_each(x, metrics_devices_device);
	openmetrics_family(&x->out, "weir_queue_bytes", OPENMETRICS_COUNTER,
			   "Bytes of ios that have ended well.");
	metrics_devices_each(x, metrics_devices_bytes);
	openmetrics_family(&x->out, "weir_queue_errors", OPENMETRICS_COUNTER,
			   "Ios that have failed.");
	metrics_devices_each(x, metrics_devices_errors);
}

static void metrics_devices_targets(struct metrics *x)
{
	struct stats_target target;

	openmetrics_family(&x->out, "weir_queue_read_target_seconds", OPENMETRICS_GAUGE,
			   "The latency that the scheduler wants reads to keep, if it has one.");
	for (uint32_t n = 0; n < x->devices; n++) {
		if (!x->device[n].facts.queue || !stats_targets(x->device[n].facts.queue, &target))
			continue;
		metrics_devices_label(x, &x->device[n]);
		openmetrics_time(&x->out, target.ns);
	}
	openmetrics_family(&x->out, "weir_queue_target_reads", OPENMETRICS_COUNTER,
			   "Requests for reads under such a target, and whether they kept it.");
	for (uint32_t n = 0; n < x->devices; n++) {
		if (!x->device[n].facts.queue || !stats_targets(x->device[n].facts.queue, &target))
			continue;
		metrics_devices_label(x, &x->device[n]);
		openmetrics_label(&x->out, "held", "yes");
		openmetrics_count(&x->out, target.reads_in);
		metrics_devices_label(x, &x->device[n]);
		openmetrics_label(&x->out, "held", "no");
		openmetrics_count(&x->out, target.reads_over);
	}
}

void metrics_devices_write(struct metrics *x)
{
	metrics_devices_facts(x);
	metrics_devices_states(x);
	metrics_devices_segments(x);
	metrics_devices_counts(x);
	metrics_devices_queues(x);
	metrics_devices_targets(x);
}
