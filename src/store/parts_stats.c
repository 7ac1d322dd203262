/* SPDX-License-Identifier: Apache-2.0 */
/*
 * parts_stats.c - what a store did, on one device and on all of them together.
 *
 * Counters belong to the loops, so a small operation on each adds its part's to the sum. Latencies
 * are added as histograms, because percentiles cannot be. It owns nothing; any thread.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/opts.h"
#include "store/parts.h"

struct parts_sum {
	struct weir_store_stats stats;
	struct hist put, get, space_wait;
};

static_assert(sizeof(struct weir_store_stats) % sizeof(uint64_t) == 0,
	      "all that is added has 64 bits");

/* Adds the counters of FROM to TO. They are all of one type, so new ones are added too. */
static void parts_add(struct weir_store_stats *to, const struct weir_store_stats *from)
{
	const uint64_t *more = (const uint64_t *)(const void *)from;
	uint64_t *sum = (uint64_t *)(void *)to;

	for (size_t n = sizeof(to->size) / sizeof(uint64_t); n < sizeof(*to) / sizeof(uint64_t);
	     n++)
		sum[n] += more[n];
}

/* Adds what S did. Runs on its loop. */
static int parts_collect(struct weir_store *s, void *user)
{
	struct parts_sum *sum = user;
	struct weir_store_stats one;
	struct log_counts logs;

	stats_fill(s, &one);
	parts_add(&sum->stats, &one);
	hist_merge(&sum->put, &s->io.counts.put_hist);
	hist_merge(&sum->get, &s->io.counts.get_hist);
	logs_count(s->logs, &logs);
	hist_merge(&sum->space_wait, logs.space_wait);
	return 0;
}

static int parts_give(struct weir_store_stats *stats, struct parts_sum *sum)
{
	struct weir_store_stats *all = &sum->stats;

	all->size = sizeof(*all);
	all->read_only = !!all->read_only;
	hist_summary(&sum->put, &all->put);
	hist_summary(&sum->get, &all->get);
	hist_summary(&sum->space_wait, &all->space_wait);
	return opts_give(stats, OPTS_SIZE(stats), all, sizeof(*all));
}

int weir_store_get_stats(struct weir_store *s, struct weir_store_stats *stats)
{
	struct parts_sum *sum = calloc(1, sizeof(*sum));
	struct weir_store *part;
	uint32_t n;
	int err = 0;

	if (!sum)
		return error_sys(-ENOMEM, "cannot count what the store did");
	PARTS_FOREACH(s, part, n)
	if (!err)
		err = wait_call(part, parts_collect, sum);
	if (!err)
		err = parts_give(stats, sum);
	free(sum);
	return err;
}

static int parts_no_such_device(const struct weir_store *s, uint32_t n)
{
	return error_set(-ENOENT, "no device %u: the store has %u", n, parts_count(s));
}

int weir_store_get_device_stats(struct weir_store *s, uint32_t n, struct weir_store_stats *stats)
{
	struct weir_store_stats all;
	struct weir_store *part;
	int err;

	if (n >= parts_count(s))
		return parts_no_such_device(s, n);
	part = parts_get(s, n);
	if (!part)
		return parts_say_missing(s->parts, n);
	err = wait_call(part, stats_fill, &all);
	return err ? err : opts_give(stats, OPTS_SIZE(stats), &all, sizeof(all));
}

static int parts_look_at_device(struct weir_store *s, void *user)
{
	const struct failing *f = &s->io.failing;
	struct weir_store_device *device = user;

	device->failed_ios = f->ios;
	device->why = f->ios ? f->first : NULL;
	if (s->io.broken)
		device->state = WEIR_STORE_DEVICE_STOPPED;
	else if (f->row)
		device->state = WEIR_STORE_DEVICE_FAILING;
	return 0;
}

int weir_store_get_device(struct weir_store *s, uint32_t n, struct weir_store_device *device)
{
	struct weir_store_device all = { .size = sizeof(all), .number = n };
	struct weir_store *part;
	int err = store_check_process(s);

	if (err)
		return err;
	if (n >= parts_count(s))
		return parts_no_such_device(s, n);
	part = parts_get(s, n);
	if (part) {
		all.path = weir_device_path(part->io.dev);
		all.queue = part->io.q;
		err = wait_call(part, parts_look_at_device, &all);
	} else {
		all.state = WEIR_STORE_DEVICE_MISSING;
		all.why = *s->parts->why[n] ? s->parts->why[n] : NULL;
	}
	return err ? err : opts_give(device, OPTS_SIZE(device), &all, sizeof(all));
}
