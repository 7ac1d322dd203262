/* SPDX-License-Identifier: Apache-2.0 */
/*
 * attr.c - attributes of a queue by sysfs's names: what /sys/block/X/queue has for the kernel's
 * block layer, and under iosched/ the tunables of its scheduler.
 *
 * Owns nothing; any thread. Values that lanes use are published with control_changed().
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/amount.h"
#include "base/check.h"
#include "base/error.h"
#include "base/opts.h"
#include "base/suggest.h"
#include "queue/lane/lane.h"
#include "queue/switch.h"

#define IOSCHED "iosched/"
#define NR_REQUESTS_MIN 4

/* An attribute that is a number. */
struct attr_row {
	struct weir_attr attr;
	int64_t (*get)(struct weir_queue *q);
	int (*set)(struct weir_queue *q, int64_t value);
	void (*range)(struct weir_queue *q, struct weir_attr *attr);
	/* Returns what the kernel makes of a value that is out of range; NULL: it refuses the
	 * value. Never called for a value below 0. */
	int64_t (*clamp)(const struct weir_attr *attr, int64_t value);
};

static int64_t attr_get_depth(struct weir_queue *q)
{
	return __atomic_load_n(&q->depth, __ATOMIC_RELAXED);
}

static int64_t attr_get_nr_requests(struct weir_queue *q)
{
	return __atomic_load_n(&q->nr_requests, __ATOMIC_RELAXED);
}

/* Without a scheduler a request is a driver's tag, and there are as many of these as at open. */
static void attr_range_nr_requests(struct weir_queue *q, struct weir_attr *attr)
{
	bool direct = q->sched_ops->flags & SCHED_DIRECT;

	attr->def = direct ? q->opts.depth : control_nr_requests(q, q->sched_ops);
	attr->max = direct ? q->opts.depth : NR_REQUESTS_MAX;
	attr->min = attr->max < NR_REQUESTS_MIN ? attr->max : NR_REQUESTS_MIN;
}

/* Too many requests are refused; too few become the fewest that are allowed. */
static int64_t attr_clamp_nr_requests(const struct weir_attr *attr, int64_t value)
{
	return value < attr->min ? attr->min : value;
}

static int attr_set_nr_requests(struct weir_queue *q, int64_t value)
{
	if (q->sched_ops->flags & SCHED_DIRECT)
		__atomic_store_n(&q->depth, (uint32_t)value, __ATOMIC_RELAXED);
	__atomic_store_n(&q->nr_requests, (uint32_t)value, __ATOMIC_RELAXED);
	return 0;
}

static int64_t attr_get_nomerges(struct weir_queue *q)
{
	return SCHED_MERGING_ALL - (int64_t)__atomic_load_n(&q->merging, __ATOMIC_RELAXED);
}

/* The kernel takes every value but 2 as yes or no. */
static int64_t attr_clamp_nomerges(const struct weir_attr *attr, int64_t value)
{
	return value > attr->max ? 1 : value;
}

static int attr_set_nomerges(struct weir_queue *q, int64_t value)
{
	__atomic_store_n(&q->merging, (uint32_t)(SCHED_MERGING_ALL - value), __ATOMIC_RELAXED);
	return 0;
}

static int64_t attr_get_max_sectors(struct weir_queue *q)
{
	return (int64_t)(__atomic_load_n(&q->max_io_bytes, __ATOMIC_RELAXED) >> 10);
}

static void attr_range_max_sectors(struct weir_queue *q, struct weir_attr *attr)
{
	attr->def = attr->max = (int64_t)(q->info->max_io_bytes >> 10);
	attr->min = (q->info->logical_block_bytes + 1023) >> 10;
}

/* 0 means the default. */
static int64_t attr_clamp_max_sectors(const struct weir_attr *attr, int64_t value)
{
	return !value || value > attr->max ? attr->max : value;
}

static int attr_set_max_sectors(struct weir_queue *q, int64_t value)
{
	uint64_t bytes = (uint64_t)value << 10;

	__atomic_store_n(&q->max_io_bytes, bytes - bytes % q->info->logical_block_bytes,
			 __ATOMIC_RELAXED);
	return 0;
}

static void attr_range_depth(struct weir_queue *q, struct weir_attr *attr)
{
	attr->def = attr->max = q->opts.depth;
}

static int attr_set_depth(struct weir_queue *q, int64_t value)
{
	__atomic_store_n(&q->depth, (uint32_t)value, __ATOMIC_RELAXED);
	return 0;
}

static int64_t attr_get_depth_bytes(struct weir_queue *q)
{
	uint64_t bytes = __atomic_load_n(&q->depth_bytes, __ATOMIC_RELAXED);

	return bytes > INT64_MAX ? INT64_MAX : (int64_t)bytes;
}

static int attr_set_depth_bytes(struct weir_queue *q, int64_t value)
{
	__atomic_store_n(&q->depth_bytes, (uint64_t)value, __ATOMIC_RELAXED);
	return 0;
}

static int64_t attr_get_one_sched(struct weir_queue *q)
{
	return q->sharing;
}

static int attr_set_one_sched(struct weir_queue *q, int64_t value)
{
	q->sharing = (uint32_t)value;
	return 0;
}

#define FACT(name, expression)                                                                     \
	static int64_t attr_get_##name(struct weir_queue *q)                                       \
	{                                                                                          \
		return (int64_t)(expression);                                                      \
	}

FACT(max_hw_sectors_kb, q->info->max_hw_bytes >> 10)
FACT(max_segments, q->max_segments)
FACT(logical_block_size, q->info->logical_block_bytes)
FACT(physical_block_size, q->info->physical_block_bytes)
FACT(discard_granularity, q->info->discard_granularity_bytes)
FACT(discard_max_bytes, q->info->discard_max_bytes)
FACT(max_discard_segments, q->max_discard_ranges)
FACT(rotational, q->info->rotational)
FACT(write_cache, q->cached)
FACT(fua, q->passes_fua)
FACT(lanes, q->opts.lanes)

/* The first member of a row's description. */
#define ATTR_SIZE sizeof(struct weir_attr)

#define READ_ONLY(name, unit, summary)                                                             \
	{                                                                                          \
		{ ATTR_SIZE, #name, unit, summary, 0, INT64_MAX, 0, WEIR_ATTR_READ_ONLY },         \
			attr_get_##name, NULL, NULL, NULL                                          \
	}

static const struct attr_row rows[] = {
	{ { ATTR_SIZE, "nr_requests", "requests", "requests that may exist in a lane", 0, 0, 0, 0 },
	  attr_get_nr_requests,
	  attr_set_nr_requests,
	  attr_range_nr_requests,
	  attr_clamp_nr_requests },
	{ { ATTR_SIZE, "nomerges", "level", "0 merges all, 1 only what is found at once, 2 nothing",
	    0, 2, 0, 0 },
	  attr_get_nomerges,
	  attr_set_nomerges,
	  NULL,
	  attr_clamp_nomerges },
	{ { ATTR_SIZE, "max_sectors_kb", "KiB", "longest command", 0, 0, 0, 0 },
	  attr_get_max_sectors,
	  attr_set_max_sectors,
	  attr_range_max_sectors,
	  attr_clamp_max_sectors },
	{ { ATTR_SIZE, "depth", "commands", "commands in flight on a lane", 1, 0, 0, 0 },
	  attr_get_depth,
	  attr_set_depth,
	  attr_range_depth,
	  NULL },
	{ { ATTR_SIZE, "depth_bytes", "bytes", "bytes in flight on a lane", 1, INT64_MAX, 8 << 20,
	    0 },
	  attr_get_depth_bytes,
	  attr_set_depth_bytes,
	  NULL,
	  NULL },
	{ { ATTR_SIZE, "one_sched", "when",
	    "one scheduler for all lanes: 0 never, 1 always, 2 where weights differ", 0,
	    SHARING_UNLIKE, SHARING_UNLIKE, 0 },
	  attr_get_one_sched,
	  attr_set_one_sched,
	  NULL,
	  NULL },
	READ_ONLY(lanes, "lanes", "hardware queues"),
	READ_ONLY(max_hw_sectors_kb, "KiB", "longest command the hardware takes"),
	READ_ONLY(max_segments, "pieces", "pieces of memory in a command"),
	READ_ONLY(max_discard_segments, "ranges", "ranges in a discard"),
	READ_ONLY(logical_block_size, "bytes", "offsets and lengths are multiples of this"),
	READ_ONLY(physical_block_size, "bytes", "splits fall on multiples of this"),
	READ_ONLY(discard_granularity, "bytes", "what the device discards at once"),
	READ_ONLY(discard_max_bytes, "bytes", "longest discard; 0: none"),
	READ_ONLY(rotational, "bool", "a hard disk"),
	READ_ONLY(write_cache, "bool", "flushes have something to do"),
	READ_ONLY(fua, "bool", "a write with FUA is passed on"),
};

#define NR_ROWS (sizeof(rows) / sizeof(rows[0]))

static const struct attr_row *attr_find_row(const char *name)
{
	for (size_t i = 0; i < NR_ROWS; i++)
		if (!strcmp(rows[i].attr.name, name))
			return &rows[i];
	return NULL;
}

static void attr_describe_tunable(struct weir_queue *q, const struct sched_tunable *t,
				  struct weir_attr *attr)
{
	int64_t percent = (int64_t)attr_get_nr_requests(q) * t->def_percent / 100;

	*attr = (struct weir_attr){
		.size = sizeof(*attr),
		.name = t->name,
		.unit = t->unit,
		.summary = t->summary,
		.min = t->min,
		.max = t->max,
		.def = t->def_percent ? percent : t->def,
		.flags = WEIR_ATTR_IOSCHED | (t->read_only ? WEIR_ATTR_READ_ONLY : 0),
	};
}

/* Describes attribute INDEX. Under the lock, as ranges depend on the scheduler. */
static int attr_describe(struct weir_queue *q, size_t index, struct weir_attr *attr)
{
	const struct sched_tunable *t = q->sched_ops->tunables;

	if (index < NR_ROWS) {
		*attr = rows[index].attr;
		if (rows[index].range)
			rows[index].range(q, attr);
		return 0;
	}
	for (index -= NR_ROWS; t && t->name; t++, index--)
		if (!index) {
			attr_describe_tunable(q, t, attr);
			return 0;
		}
	return -ENOENT;
}

int weir_queue_get_attr(struct weir_queue *q, size_t index, struct weir_attr *attr)
{
	struct weir_attr all;
	int err = queue_check_process(q);

	if (err)
		return err;
	pthread_mutex_lock(&q->lock);
	err = attr_describe(q, index, &all);
	pthread_mutex_unlock(&q->lock);
	return err ? error_set(err, "no attribute has number %zu", index)
		   : opts_give(attr, OPTS_SIZE(attr), &all, sizeof(all));
}

/* Sets weir_error() for a NAME that is no attribute: the most similar one. Under the lock. */
static int attr_no_such(struct weir_queue *q, const char *name)
{
	const struct sched_tunable *t = q->sched_ops->tunables;
	const char *names[NR_ROWS + SCHED_TUNABLES_MAX], *near;
	size_t n = 0;

	for (; n < NR_ROWS; n++)
		names[n] = rows[n].attr.name;
	for (; t && t->name && n < NR_ROWS + SCHED_TUNABLES_MAX; t++)
		names[n++] = t->name;
	near = suggest_nearest(name, strlen(name), names, n);
	return error_set(-ENOENT, "no such attribute: %s (the scheduler is %s)%s%s%s", name,
			 q->sched_ops->name, near ? ": did you mean " : "", near ? near : "",
			 near ? "?" : "");
}

static int attr_read_only(const struct weir_attr *attr)
{
	return attr->flags & WEIR_ATTR_READ_ONLY ? error_set(-EPERM, "%s is read-only", attr->name)
						 : 0;
}

static int attr_read_number(const struct attr_row *row, const struct weir_attr *attr,
			    const char *text, int64_t *value)
{
	int err = amount_parse(text, attr->unit, value);

	if (err || *value < 0)
		return amount_refuse(attr->name, text, attr->unit, false, err);
	if (row->clamp)
		*value = row->clamp(attr, *value);
	if (*value < attr->min || *value > attr->max)
		return error_set(-EINVAL, "%s is %" PRId64 ": it goes from %" PRId64 " to %" PRId64,
				 attr->name, *value, attr->min, attr->max);
	return 0;
}

static int attr_read_tunable(const struct sched_ops *ops, int index, const struct weir_attr *attr,
			     const char *text, int64_t *value)
{
	bool clamped;
	int err = sched_read_value(ops, &ops->tunables[index], text, value, &clamped);

	return err ? amount_refuse(attr->name, text, attr->unit, !(ops->flags & SCHED_UNSIGNED),
				   err)
		   : 0;
}

static int attr_set_tunable(struct weir_queue *q, const char *name, const char *text)
{
	struct weir_attr attr;
	int64_t value = 0;
	int index, err = 0;

	pthread_mutex_lock(&q->lock);
	index = sched_find_tunable(q->sched_ops, name);
	if (index < 0) {
		err = attr_no_such(q, name);
	} else {
		attr_describe_tunable(q, &q->sched_ops->tunables[index], &attr);
		err = attr_read_only(&attr);
		if (!err)
			err = attr_read_tunable(q->sched_ops, index, &attr, text, &value);
	}
	if (!err && q->next_ops && !q->next_keeps)
		err = error_set(-EBUSY, "%s: a switch to %s is under way", name, q->next_ops->name);
	if (!err) {
		CHECK(index < (int)SCHED_TUNABLES_MAX);
		q->tunable[index].set = q->tunable[index].value = value;
		q->tunable[index].set_at = q->generation + 1;
		control_changed(q);
	}
	pthread_mutex_unlock(&q->lock);
	return err;
}

static int attr_set_number(struct weir_queue *q, const struct attr_row *row, const char *text)
{
	struct weir_attr attr = row->attr;
	int64_t value = 0;
	int err;

	pthread_mutex_lock(&q->lock);
	if (row->range)
		row->range(q, &attr);
	err = attr_read_only(&attr);
	if (!err)
		err = attr_read_number(row, &attr, text, &value);
	if (!err)
		err = row->set(q, value);
	if (!err)
		control_changed(q);
	pthread_mutex_unlock(&q->lock);
	return err;
}

int weir_queue_set(struct weir_queue *q, const char *name, const char *value)
{
	const struct attr_row *row = attr_find_row(name);
	const struct sched_ops *ops;
	int err = queue_check_process(q);

	if (err)
		return err;
	if (!strcmp(name, "scheduler")) {
		ops = sched_find(value);
		return ops ? switch_scheduler(q, ops) : sched_unknown(value, -EINVAL);
	}
	if (row)
		err = attr_set_number(q, row, value);
	else
		err = attr_set_tunable(
			q, strncmp(name, IOSCHED, strlen(IOSCHED)) ? name : name + strlen(IOSCHED),
			value);
	/* The scheduler may get a home for it, or lose it; the caller's lane takes the value over.
	 */
	return err ? err : switch_scheduler(q, NULL);
}

/* Lists the schedulers as sysfs does, with the one that is used in brackets. */
static int attr_get_scheduler(struct weir_queue *q, char *value, size_t size)
{
	const struct sched_ops *used = __atomic_load_n(&q->sched_ops, __ATOMIC_ACQUIRE);
	size_t at = 0;

	for (size_t i = 0; sched_table[i] && at < size; i++) {
		bool is = sched_table[i] == used;
		int n = snprintf(value + at, size - at, "%s%s%s%s", at ? " " : "", is ? "[" : "",
				 sched_table[i]->name, is ? "]" : "");

		at += n > 0 ? (size_t)n : 0;
	}
	return at < size ? 0 : error_set(-ENOSPC, "scheduler: %zu bytes are not enough", size);
}

static bool attr_is_learned(struct weir_queue *q, const char *name)
{
	const struct sched_ops *ops = __atomic_load_n(&q->sched_ops, __ATOMIC_ACQUIRE);
	int index = sched_find_tunable(ops, name);

	return index >= 0 && ops->tunables[index].read_only;
}

static int attr_get_tunable(struct weir_queue *q, const char *name, int64_t *value)
{
	int index, err = 0;

	/* The caller's own lane shows what it has learned so far. */
	if (attr_is_learned(q, name))
		switch_apply_own(q);
	pthread_mutex_lock(&q->lock);
	index = sched_find_tunable(q->sched_ops, name);
	if (index < 0)
		err = attr_no_such(q, name);
	else
		*value = q->tunable[index].value;
	pthread_mutex_unlock(&q->lock);
	return err;
}

int weir_queue_get(struct weir_queue *q, const char *name, char *value, size_t size)
{
	const struct attr_row *row = attr_find_row(name);
	int64_t number = 0;
	int err = queue_check_process(q);

	if (err)
		return err;
	if (!strcmp(name, "scheduler"))
		return attr_get_scheduler(q, value, size);
	if (row)
		number = row->get(q);
	else
		err = attr_get_tunable(
			q, strncmp(name, IOSCHED, strlen(IOSCHED)) ? name : name + strlen(IOSCHED),
			&number);
	if (!err && snprintf(value, size, "%" PRId64, number) >= (int)size)
		err = error_set(-ENOSPC, "%s: %zu bytes are not enough", name, size);
	return err;
}
