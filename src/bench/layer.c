/* SPDX-License-Identifier: Apache-2.0 */
/*
 * layer.c - ios on the null device, as fast as they go. See layer.h. Each thread has a struct
 * runner of its own in cache lines of its own; the queue is what they share.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include <weir/queue.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/thread.h"
#include "base/usage.h"
#include "bench/layer.h"
#include "queue/lane/lane.h"

#define LAYER_SPAN (1ull << 30)
#define LAYER_IO 4096u
/* One turn of so many is timed step by step: the clock costs more than a step does. */
#define LAYER_TIMED 16u
#define LAYER_CLOCKS 1000
/* A turn that takes longer was interrupted: the longest has 1024 ios of some 100 ns each. */
#define LAYER_TURN_MAX_NS (2 * NSEC_PER_MSEC)

struct layer {
	const struct bench_layer *opts;
	struct weir_queue *q;
	double clock_ns;    /* what reading the clock costs */
	struct usage usage; /* of all threads, and with the warming up */
	uint64_t switches;
	void *memory;
};

struct runner {
	struct layer *l;
	struct weir_io *ios, **ready; /* ready: those that are not outstanding */
	uint32_t nr_ready;
	uint64_t next_offset, dice, begun, ended, all_ended;
	uint32_t submitter, in_turn;
	bool polls; /* it owns a lane */
	uint64_t took_ns;
	struct usage usage;
	uint64_t timed; /* ios whose steps were timed */
	double prepare_ns, submit_ns, poll_ns;
	int err;
	char why[160];
	pthread_t thread;
} __attribute__((aligned(128)));

static uint64_t layer_offset(struct runner *r)
{
	uint64_t offset = r->next_offset;

	if (r->l->opts->random) {
		r->dice = r->dice * 6364136223846793005ull + 1442695040888963407ull;
		return (r->dice >> 33) * LAYER_IO % LAYER_SPAN;
	}
	r->next_offset = (offset + LAYER_IO) % LAYER_SPAN;
	return offset;
}

static void layer_end(struct weir_io *io)
{
	struct runner *r = io->user;

	r->ready[r->nr_ready++] = io;
	r->ended++;
}

static void layer_prepare(struct runner *r, struct weir_io *io)
{
	weir_io_read(io, layer_offset(r), r->l->memory, LAYER_IO);
	io->submitter = r->submitter;
	if (++r->in_turn >= r->l->opts->burst) {
		r->in_turn = 0;
		r->submitter = r->submitter + 1 < r->l->opts->submitters ? r->submitter + 1 : 0;
	}
	io->user = r;
	io->end = r->polls ? layer_end : NULL;
}

static int layer_fail(struct runner *r, int err)
{
	r->err = err;
	snprintf(r->why, sizeof(r->why), "%s", weir_error());
	return err;
}

/* Returns how many ios are submitted in the next turn. */
static uint32_t layer_batch(const struct runner *r)
{
	uint32_t n = r->nr_ready < r->l->opts->batch ? r->nr_ready : r->l->opts->batch;
	uint64_t left = r->l->opts->ios ? r->l->opts->ios - r->begun : n;

	return left < n ? (uint32_t)left : n;
}

/* Submits the N ios that were prepared last, which stand at the end of the ready ones. */
static int layer_submit(struct runner *r, uint32_t n)
{
	struct weir_io **first = r->ready + r->nr_ready - n;
	int err = 0;

	r->nr_ready -= n;
	r->begun += n;
	for (uint32_t i = 0; i < n && !err; i++)
		err = weir_queue_submit(r->l->q, first[i]);
	return err < 0 ? layer_fail(r, err) : 0;
}

static int layer_poll(struct runner *r)
{
	int ended = weir_queue_poll(r->l->q);

	return ended < 0 ? layer_fail(r, ended) : 0;
}

static int layer_turn(struct runner *r)
{
	uint32_t n = layer_batch(r);

	for (uint32_t i = 0; i < n; i++)
		layer_prepare(r, r->ready[r->nr_ready - n + i]);
	return layer_submit(r, n) || layer_poll(r) ? r->err : 0;
}

/* Does the same, and takes the time of each step. */
static int layer_timed_turn(struct runner *r)
{
	uint32_t n = layer_batch(r);
	uint64_t times[4] = { clock_now() };
	double cost = r->l->clock_ns;

	for (uint32_t i = 0; i < n; i++)
		layer_prepare(r, r->ready[r->nr_ready - n + i]);
	times[1] = clock_now();
	if (layer_submit(r, n))
		return r->err;
	times[2] = clock_now();
	if (layer_poll(r))
		return r->err;
	times[3] = clock_now();
	if (times[3] - times[0] > LAYER_TURN_MAX_NS)
		return 0;
	r->timed += n;
	r->prepare_ns += (double)(times[1] - times[0]) - cost;
	r->submit_ns += (double)(times[2] - times[1]) - cost;
	r->poll_ns += (double)(times[3] - times[2]) - cost;
	return 0;
}

static bool layer_stopped(const struct runner *r)
{
	return r->l->opts->stop && *r->l->opts->stop;
}

/* Runs until UNTIL_NS on the clock or, if ios are counted, until all have ended. */
static int layer_poll_until(struct runner *r, uint64_t until_ns)
{
	uint64_t ios = r->l->opts->ios;

	while (!layer_stopped(r) && (ios ? r->ended < ios : clock_now() < until_ns)) {
		if (layer_timed_turn(r))
			return r->err;
		for (uint32_t i = 1; i < LAYER_TIMED && !(ios && r->ended >= ios); i++)
			if (layer_turn(r))
				return r->err;
	}
	return 0;
}

/* Waits for all ios that are outstanding. Where ios are counted, they count, too. */
static int layer_wait_rest(struct runner *r)
{
	uint64_t depth = r->l->opts->depth, at = r->begun > depth ? r->begun - depth : 0;
	int err = 0;

	for (; at < r->begun && !err; at++) {
		err = weir_io_wait(r->l->q, &r->ios[at % depth], UINT64_MAX);
		r->ended++;
	}
	return err;
}

/* The same for a thread that owns no lane: it waits for its oldest io, and submits it again. */
static int layer_wait_until(struct runner *r, uint64_t until_ns)
{
	const struct bench_layer *o = r->l->opts;
	int err = 0;

	while (!err && (!o->ios || r->begun < o->ios)) {
		struct weir_io *io = &r->ios[r->begun % o->depth];

		/* The clock costs as much as a submission. */
		if (!(r->begun % LAYER_TIMED) &&
		    (layer_stopped(r) || (!o->ios && clock_now() >= until_ns)))
			break;
		if (r->begun >= o->depth)
			err = weir_io_wait(r->l->q, io, UINT64_MAX);
		r->ended += r->begun >= o->depth;
		if (err)
			break;
		layer_prepare(r, io);
		err = weir_queue_submit(r->l->q, io);
		r->begun++;
	}
	if (!err && o->ios)
		err = layer_wait_rest(r);
	return err < 0 ? layer_fail(r, err) : 0;
}

static int layer_run_until(struct runner *r, uint64_t until_ns)
{
	return r->polls ? layer_poll_until(r, until_ns) : layer_wait_until(r, until_ns);
}

static void layer_forget(struct runner *r)
{
	r->all_ended += r->ended;
	r->ended = 0;
	r->timed = 0;
	r->prepare_ns = r->submit_ns = r->poll_ns = 0;
}

static void layer_measure(struct runner *r)
{
	const struct bench_layer *o = r->l->opts;
	uint64_t start;

	if (!o->ios) {
		if (layer_run_until(r, clock_now() + o->ns / 4))
			return;
		layer_forget(r);
	}
	usage_begin(&r->usage);
	start = clock_now();
	if (layer_run_until(r, start + o->ns))
		return;
	r->took_ns = clock_now() - start;
	usage_end(&r->usage);
	/* A thread that polls runs all the time, unless another program has its processor, or the
	 * thread of a home lane: that is part of what is measured. */
	if (r->polls && !queue_home(r->l->q) && r->usage.wait_ns < r->took_ns)
		r->took_ns -= r->usage.wait_ns;
	r->all_ended += r->ended;
}

static void *layer_thread(void *arg)
{
	struct runner *r = arg;
	int err = r->polls ? weir_queue_attach(r->l->q, WEIR_LANE_ANY) : 0;

	if (err) {
		layer_fail(r, err);
		return NULL;
	}
	layer_measure(r);
	if (r->polls && weir_queue_detach(r->l->q) && !r->err)
		layer_fail(r, -EIO);
	return NULL;
}

static double layer_clock_cost(void)
{
	uint64_t start = clock_now(), now = start;

	for (int i = 0; i < LAYER_CLOCKS; i++)
		now = clock_now();
	return (double)(now - start) / LAYER_CLOCKS;
}

static int layer_open_runner(struct runner *r, struct layer *l, uint32_t number)
{
	uint32_t depth = l->opts->depth;

	r->l = l;
	r->polls = l->opts->threads == l->opts->lanes;
	r->dice = number + 1;
	r->next_offset = LAYER_SPAN / BENCH_THREADS_MAX * number;
	r->ios = calloc(depth, sizeof(*r->ios));
	r->ready = calloc(depth, sizeof(struct weir_io *));
	if (!r->ios || !r->ready)
		return error_sys(-ENOMEM, "no memory for ios");
	for (; r->nr_ready < depth; r->nr_ready++)
		r->ready[r->nr_ready] = &r->ios[r->nr_ready];
	return 0;
}

/* Runs the first on this thread and each other one on its own. */
static int layer_run_all(struct runner *runners, uint32_t n)
{
	uint32_t started = 1;
	int err = 0;

	for (; started < n && !err; started += !err)
		err = thread_start(&runners[started].thread, "weir-bench", layer_thread,
				   &runners[started]);
	layer_thread(&runners[0]);
	for (uint32_t i = 1; i < started; i++)
		pthread_join(runners[i].thread, NULL);
	if (err)
		return error_sys(err, "cannot start a thread");
	for (uint32_t i = 0; i < n; i++)
		if (runners[i].err)
			return error_set(runners[i].err, "%s", runners[i].why);
	return 0;
}

static void layer_collect(const struct runner *runners, const struct bench_layer *o,
			  struct bench_layer_result *result)
{
	const struct runner *first = &runners[0];

	*result = (struct bench_layer_result){ .polls = o->threads == o->lanes };
	for (uint32_t i = 0; i < o->threads; i++) {
		const struct runner *r = &runners[i];

		result->ios += r->all_ended;
		result->mega_ios += (double)r->ended * 1e3 / (double)(r->took_ns ? r->took_ns : 1);
		result->wait += usage_share(&r->usage, r->usage.wait_ns) / o->threads;
	}
	if (result->ios) {
		result->cpu_ns = (double)first->l->usage.process_ns / (double)result->ios;
		result->switches = (double)first->l->switches / (double)result->ios;
	}
	result->ns_per_io = result->mega_ios > 0 ? 1e3 / result->mega_ios : 0;
	result->steps = result->polls && o->threads == 1 && first->timed;
	if (result->steps) {
		result->prepare_ns = first->prepare_ns / (double)first->timed;
		result->submit_ns = first->submit_ns / (double)first->timed;
		result->poll_ns = first->poll_ns / (double)first->timed;
	}
}

static int layer_open_queue(struct layer *l, struct weir_device *dev)
{
	struct weir_queue_opts opts = WEIR_QUEUE_OPTS_INIT;

	opts.scheduler = l->opts->sched;
	opts.depth = l->opts->depth;
	opts.nomerges = l->opts->merging ? 0 : 2;
	opts.lanes = l->opts->lanes;
	opts.workers = l->opts->threads != l->opts->lanes;
	opts.trace = l->opts->trace;
	return weir_queue_open(&l->q, dev, &opts);
}

/* Returns how often threads of the process slept or lost their processor so far. */
static uint64_t layer_switches(void)
{
	struct rusage usage;

	return getrusage(RUSAGE_SELF, &usage)
		       ? 0
		       : (uint64_t)usage.ru_nvcsw + (uint64_t)usage.ru_nivcsw;
}

static int layer_run_on(struct layer *l, struct runner *runners)
{
	int err = 0;

	for (uint32_t i = 0; i < l->opts->threads && !err; i++)
		err = layer_open_runner(&runners[i], l, i);
	if (err)
		return err;
	l->switches = layer_switches();
	usage_begin(&l->usage);
	err = layer_run_all(runners, l->opts->threads);
	usage_end(&l->usage);
	l->switches = layer_switches() - l->switches;
	return err;
}

int bench_layer_run(const struct bench_layer *opts, const struct bench_counter *c,
		    struct bench_layer_result *result)
{
	struct layer l = { .opts = opts, .clock_ns = layer_clock_cost() };
	struct runner *runners = aligned_alloc(128, opts->threads * sizeof(*runners));
	struct weir_device *dev = NULL;
	uint64_t counted = bench_counter_read(c);
	int err;

	l.memory = aligned_alloc(4096, LAYER_IO);
	if (!runners || !l.memory) {
		free(runners);
		free(l.memory);
		return error_sys(-ENOMEM, "no memory");
	}
	memset(runners, 0, opts->threads * sizeof(*runners));
	err = weir_device_open(&dev, "null:1g", NULL);
	if (!err)
		err = layer_open_queue(&l, dev);
	if (!err)
		err = layer_run_on(&l, runners);
	if (l.q && weir_queue_close(l.q) && !err)
		err = -EIO;
	weir_device_close(dev);
	if (!err)
		layer_collect(runners, opts, result);
	counted = bench_counter_read(c) - counted;
	if (!err && result->ios)
		result->instructions = (double)counted / (double)result->ios;
	for (uint32_t i = 0; i < opts->threads; i++) {
		free(runners[i].ios);
		free(runners[i].ready);
	}
	free(runners);
	free(l.memory);
	return err;
}
