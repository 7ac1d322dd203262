/* SPDX-License-Identifier: Apache-2.0 */
/*
 * open.c - a queue comes and goes: options and their defaults, lanes, ctxs, workers.
 *
 * Owns struct weir_queue. Any thread; while weir_queue_close() runs no other may use the queue.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/check.h"
#include "base/error.h"
#include "base/opts.h"
#include "base/parse.h"
#include "queue/child.h"
#include "queue/lane/lane.h"
#include "queue/lanes.h"
#include "queue/observe.h"
#include "queue/open.h"
#include "queue/placement.h"
#include "trace/trace.h"

#define DEFAULT_DEPTH 128u
#define DEPTH_MAX 4096u
/* So many bytes are enough for a fast drive's bandwidth times its latency (7 GB/s x 100 us = 0.7
 * MB), with room for slower drives. More bytes in flight bring only delay. */
#define DEFAULT_DEPTH_BYTES (8ull << 20)
/* Longer commands do not make a drive faster, and ios behind them wait longer. blk-mq's default,
 * 1280 KiB, is close to this. */
#define DEFAULT_MAX_IO (1ull << 20)
#define THREAD_CTXS 64u
/* The number of one, or of a lane behind all of them, has 16 bits (io_priv.h). */
#define CTXS_MAX 32768u
#define SEGMENTS_MAX 1024u

static uint32_t open_online_cpus(void)
{
	long n = sysconf(_SC_NPROCESSORS_ONLN);

	return n > 0 ? (uint32_t)n : 1;
}

static uint32_t open_lanes_max(void)
{
	uint32_t n = open_online_cpus();

	return n < LANES_MAX ? n : LANES_MAX;
}

static int open_in_range(const char *name, uint64_t value, uint64_t min, uint64_t max)
{
	if (value >= min && value <= max)
		return 0;
	return error_set(-EINVAL, "%s is %llu: it goes from %llu to %llu", name,
			 (unsigned long long)value, (unsigned long long)min,
			 (unsigned long long)max);
}

static void open_default_depth(struct weir_queue *q)
{
	struct weir_queue_opts *o = &q->opts;
	uint32_t below = q->info->nr_requests / o->lanes;

	if (!o->depth)
		o->depth = DEFAULT_DEPTH;
	/* If all lanes together have more commands than nr_requests in flight, the kernel uses
	 * threads for the rest. */
	if (q->info->nr_requests && o->depth > below)
		o->depth = below ? below : 1;
	q->depth = o->depth;
	if (!o->nr_requests)
		o->nr_requests = control_nr_requests(q, q->sched_ops);
	if (!o->depth_bytes)
		o->depth_bytes = DEFAULT_DEPTH_BYTES;
}

static int open_check_options(struct weir_queue *q)
{
	struct weir_queue_opts *o = &q->opts;
	uint64_t block = q->info->logical_block_bytes;
	int err;

	if (!o->lanes)
		o->lanes = 1;
	/* One thread runs all lanes of an engine whose time is not real, so CPUs do not limit
	 * them: see lanes.h. */
	err = open_in_range("lanes", o->lanes, 1,
			    q->engine_ops->now ? LANES_MAX : open_lanes_max());
	if (!err && o->read_lanes)
		err = open_in_range("read_lanes", o->read_lanes, 1, o->lanes - 1);
	if (!err && o->depth)
		err = open_in_range("depth", o->depth, 1, DEPTH_MAX);
	if (!err && o->ctx_by > WEIR_QUEUE_CTX_BY_NODE)
		err = open_in_range("ctx_by", o->ctx_by, 0, WEIR_QUEUE_CTX_BY_NODE);
	if (!err)
		err = open_in_range("nomerges", o->nomerges, 0, 2);
	if (!err)
		err = open_in_range("retry_merged", o->retry_merged, 0, 1);
	if (!err)
		err = open_in_range("watched", o->watched, 0, 1);
	if (err)
		return err;
	open_default_depth(q);
	if (!o->max_io_bytes)
		o->max_io_bytes = DEFAULT_MAX_IO;
	if (o->max_io_bytes > q->info->max_io_bytes)
		o->max_io_bytes = q->info->max_io_bytes;
	err = open_in_range("max_io_bytes", o->max_io_bytes, block, UINT64_MAX);
	o->max_io_bytes -= o->max_io_bytes % block;
	/* With fewer tags than nr_requests the queue could not fill the drive; 4 is blk-mq's
	 * lower bound for a scheduler. */
	return err ? err
		   : open_in_range("nr_requests", o->nr_requests, 1,
				   o->depth > NR_REQUESTS_MAX ? o->depth : NR_REQUESTS_MAX);
}

static int open_find_engine(struct weir_queue *q, const struct engine_ops *given)
{
	const char *name = q->opts.engine ? q->opts.engine : "auto";
	int err = 0;

	q->engine_ops = given;
	if (!given)
		err = engine_find(&q->engine_ops, name, q->dev, q->engine_why,
				  sizeof(q->engine_why));
	if (err)
		return err;
	q->opts.engine = q->engine_ops->name;
	err = engine_options_parse(q->engine_ops, q->opts.engine_opts, &q->tuning);
	q->opts.engine_opts = NULL; /* the caller's text may not live as long as the queue */
	return err;
}

static int open_find_sched(struct weir_queue *q, const struct sched_ops *given)
{
	const char *name = q->opts.scheduler;

	/* blk-mq has the same rule: a device with one queue is worth ordering, several queues
	 * are for speed. */
	if (!name)
		name = q->opts.lanes > 1 ? "none" : "mq-deadline";

	q->sched_ops = given ? given : sched_find(name);
	if (!q->sched_ops)
		return sched_unknown(name, -ENOENT);
	q->opts.scheduler = q->sched_ops->name;
	return 0;
}

/* As calloc(), for memory that must not share cache lines. */
static void *open_zeroed(size_t n, size_t size)
{
	void *p = aligned_alloc(CACHE_LINE, n * size);

	return p ? memset(p, 0, n * size) : NULL;
}

/* Finds the lanes for submitter I of N. Neighbours share a lane: on Linux they are CPUs near one
 * another. */
static void open_map_lanes(struct weir_queue *q, uint32_t i, uint32_t n, struct lane **lane)
{
	uint32_t reads = q->opts.read_lanes, others = q->opts.lanes - reads;

	lane[LANE_DEFAULT] = &q->lanes[(uint64_t)i * others / n];
	lane[LANE_READ] = lane[LANE_DEFAULT];
	if (reads)
		lane[LANE_READ] = &q->lanes[others + (uint64_t)i * reads / n];
}

/* Finds the lanes that schedule what the owner of lane I submits: its own for ios of its kind. */
static void open_map_own(struct weir_queue *q, uint32_t i)
{
	uint32_t others = q->opts.lanes - q->opts.read_lanes;
	struct lane **serves = q->lanes[i].serves;

	if (i < q->opts.lanes)
		open_map_lanes(q, i, q->opts.lanes, serves);
	else
		serves[LANE_DEFAULT] = serves[LANE_READ] = &q->lanes[0];
	if (i < others)
		serves[LANE_DEFAULT] = &q->lanes[i];
	if (i < q->opts.lanes && (i >= others || !q->opts.read_lanes))
		serves[LANE_READ] = &q->lanes[i];
}

static int open_ctxs(struct weir_queue *q)
{
	uint32_t n = q->opts.ctx_by == WEIR_QUEUE_CTX_BY_THREAD ? THREAD_CTXS : open_online_cpus();

	n = n < CTXS_MAX ? n : CTXS_MAX;
	q->ctxs = open_zeroed(n, sizeof(*q->ctxs));
	if (!q->ctxs)
		return -ENOMEM;
	q->nr_ctxs = n;
	for (uint32_t i = 0; i < n; i++) {
		pthread_mutex_init(&q->ctxs[i].lock, NULL);
		for (int kind = 0; kind < LANE_KINDS; kind++)
			io_list_init(&q->ctxs[i].staged[kind]);
		open_map_lanes(q, i, n, q->ctxs[i].lane);
	}
	return 0;
}

static int open_lanes(struct weir_queue *q)
{
	int err = 0;

	uint32_t n = q->opts.lanes;

	/* Where the program's threads are the owners there is one lane more as a home, which
	 * mostly sleeps: see control_home(). */
	n += n > 1 && !q->opts.workers;
	q->lanes = open_zeroed(n, sizeof(*q->lanes));
	if (!q->lanes)
		return -ENOMEM;
	q->nr_lanes = n;
	q->sharing = SHARING_UNLIKE;
	q->home = control_home(q, q->sched_ops);
	err = open_ctxs(q);
	for (uint32_t i = 0; i < q->nr_lanes && !err; i++) {
		open_map_own(q, i);
		err = lane_init(&q->lanes[i], q, i);
	}
	if (!err)
		control_refresh(q, q->lanes[0].sched);
	return err;
}

static void open_stop_workers(struct weir_queue *q)
{
	__atomic_store_n(&q->stop, 1, __ATOMIC_SEQ_CST);
	for (uint32_t i = 0; i < q->nr_lanes; i++)
		worker_join(&q->lanes[i]);
}

/* Frees Q, whose locks are left as they are. Nobody else uses it. */
static void queue_free(struct weir_queue *q)
{
	for (uint32_t i = 0; i < q->nr_lanes; i++)
		lane_free(&q->lanes[i]);
	if (q->trace)
		trace_queue_end(q->trace);
	settings_destroy(q);
	free(q->lanes);
	free(q->ctxs);
	free(q->placements);
	free(q->registry);
	free(q->given);
	free(q);
}

static void open_destroy(struct weir_queue *q)
{
	for (uint32_t i = 0; i < q->nr_lanes && q->lanes[i].q; i++) {
		CHECK(!owner_is_there(&q->lanes[i]));
		pthread_mutex_destroy(&q->lanes[i].inbox.lock);
	}
	for (uint32_t i = 0; i < q->nr_ctxs; i++)
		pthread_mutex_destroy(&q->ctxs[i].lock);
	pthread_mutex_destroy(&q->lock);
	pthread_mutex_destroy(&q->switch_lock);
	pthread_cond_destroy(&q->changed);
	queue_free(q);
}

/* Names Q to its trace, if it has one. */
static int open_trace(struct weir_queue *q)
{
	bool block = q->info->kind == WEIR_DEVICE_BLOCK;
	char name[TRACE_PATH_BYTES];
	struct trace_queue facts = {
		.path = name,
		.major = block ? q->info->dev_major : 0,
		.minor = block ? q->info->dev_minor : 0,
		.virtual_time = q->engine_ops->now != NULL,
	};

	int err = 0;

	snprintf(name, sizeof(name), "%s, %s", weir_device_path(q->dev), q->sched_ops->name);
	if (q->opts.trace)
		err = trace_queue_begin(q->opts.trace, &facts, &q->trace_number);
	if (!err)
		q->trace = q->opts.trace;
	return err;
}

static int open_set_up(struct weir_queue *q)
{
	int err = open_check_options(q);

	if (err)
		return err;
	q->block_mask = q->info->logical_block_bytes - 1;
	q->memory_mask = q->info->memory_align_bytes ? q->info->memory_align_bytes - 1 : 0;
	q->max_segments =
		q->info->max_segments < SEGMENTS_MAX ? q->info->max_segments : SEGMENTS_MAX;
	q->max_segments = q->max_segments ? q->max_segments : 1;
	q->max_discard_ranges = q->engine_ops->max_discard_ranges;
	if (!q->max_discard_ranges)
		q->max_discard_ranges = 1;
	if (q->max_discard_ranges > q->max_segments)
		q->max_discard_ranges = q->max_segments;
	q->cached = q->info->kind != WEIR_DEVICE_BLOCK || !q->info->direct || q->info->write_cache;
	q->passes_fua = q->cached && !(q->engine_ops->flags & ENGINE_NO_FUA);
	q->merging = SCHED_MERGING_ALL - q->opts.nomerges;
	q->nr_requests = q->opts.nr_requests;
	q->max_io_bytes = q->opts.max_io_bytes;
	q->depth_bytes = q->opts.depth_bytes;
	err = placement_open(q);
	if (!err)
		err = open_trace(q);
	if (!err)
		err = open_lanes(q);
	for (uint32_t i = 0; i < q->nr_lanes && !err; i++)
		if (q->opts.workers || (i == q->opts.lanes && q->home && !q->engine_ops->now))
			err = worker_start(&q->lanes[i]);
	return err == -ENOMEM ? error_sys(err, "cannot open a queue of depth %u", q->opts.depth)
			      : err;
}

static int open_make(struct weir_queue **result, struct weir_device *dev,
		     const struct weir_queue_opts *opts, const struct engine_ops *engine,
		     const struct sched_ops *sched, bool steady)
{
	struct weir_queue *q;
	int err = device_check_process(dev);

	if (err)
		return err;
	q = calloc(1, sizeof(*q));
	if (!q)
		return error_sys(-ENOMEM, "cannot open a queue");
	pthread_mutex_init(&q->lock, NULL);
	pthread_mutex_init(&q->switch_lock, NULL);
	pthread_cond_init(&q->changed, NULL);
	LIST_INIT(&q->waiters);
	q->steady = steady;
	q->process = fork_process();
	q->dev = dev;
	q->info = weir_device_get_info(dev);
	err = opts_copy(&q->opts, sizeof(q->opts), opts, opts ? opts->size : 0);
	if (!err)
		err = open_find_engine(q, engine);
	if (!err)
		err = open_find_sched(q, sched);
	if (!err)
		err = open_set_up(q);
	if (err) {
		open_stop_workers(q);
		open_destroy(q);
		return err;
	}
	observe_start(q);
	*result = q;
	return 0;
}

/* An error names the device. */
static int open_named(struct weir_queue **result, struct weir_device *dev,
		      const struct weir_queue_opts *opts, bool steady)
{
	struct error_scope scope;

	error_begin(&scope);
	return error_end(&scope, open_make(result, dev, opts, NULL, NULL, steady), "%s",
			 weir_device_path(dev));
}

int weir_queue_open(struct weir_queue **result, struct weir_device *dev,
		    const struct weir_queue_opts *opts)
{
	return open_named(result, dev, opts, false);
}

int queue_open_steady(struct weir_queue **result, struct weir_device *dev,
		      const struct weir_queue_opts *opts)
{
	return open_named(result, dev, opts, true);
}

int queue_open(struct weir_queue **result, struct weir_device *dev,
	       const struct weir_queue_opts *opts, const struct engine_ops *engine,
	       const struct sched_ops *sched)
{
	return open_make(result, dev, opts, engine, sched, false);
}

/* Returns -EBUSY if a thread of the program owns a lane that is not MINE. It takes the lock, so
 * that a thread that has just detached does not use it any more. */
static int open_check_owners(struct weir_queue *q, const struct lane *mine)
{
	uint32_t i = 0;

	pthread_mutex_lock(&q->lock);
	while (i < q->nr_lanes && (&q->lanes[i] == mine || !owner_is_there(&q->lanes[i]) ||
				   q->lanes[i].owner.worker_runs))
		i++;
	pthread_mutex_unlock(&q->lock);
	return i < q->nr_lanes ? error_set(-EBUSY, "another thread is attached to lane %u", i) : 0;
}

static int open_close_in_child(struct weir_queue *q)
{
	bool settled;
	int err = child_close(q, &settled);

	if (!err && settled)
		queue_free(q);
	return err;
}

int weir_queue_close(struct weir_queue *q)
{
	struct lane *mine;
	int err;

	if (!q)
		return 0;
	if (fork_inherited(q->process))
		return open_close_in_child(q);
	if (owner_in_callback())
		return error_in_callback("close a queue");
	/* Before the workers stop: if this fails the queue goes on, and its home with it. */
	mine = owner_lane(q);
	err = open_check_owners(q, mine);
	if (err)
		return err;
	/* While all workers run: ios of one lane may need another lane, and their callbacks may
	 * submit. They have ended if an earlier close failed. */
	if (q->opts.workers && q->lanes[0].owner.worker_runs)
		(void)weir_queue_wait(q);
	open_stop_workers(q);
	err = lanes_finish(q, mine);
	if (err)
		return err;
	if (mine)
		owner_detach(mine);
	observe_stop(q);
	open_destroy(q);
	return 0;
}
