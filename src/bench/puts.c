/* SPDX-License-Identifier: Apache-2.0 */
/*
 * puts.c - operations on a store, as many at a time as wanted. See puts.h. The keys are dealt to
 * the threads. Values are distinct and cannot be compressed; the store checks each get as always.
 */
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <weir/store.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/hist.h"
#include "base/prng.h"
#include "base/thread.h"
#include "base/usage.h"
#include "bench/puts.h"
#include "bench/timeline.h"
#include "sim/run.h"

#define PUTS_KEY_BYTES 24

struct puts_part;

struct puts_slot {
	struct weir_store_op op;
	struct puts_part *part;
	struct puts_slot *next; /* in the list of those that are free */
	uint64_t start_ns;
	char key[PUTS_KEY_BYTES];
	char *value;
};

/* A thread, and the keys FIRST, FIRST + threads and so on. */
struct puts_part {
	struct puts *all;
	pthread_t thread;
	struct puts_slot *slots;
	uint64_t first;
	pthread_mutex_t lock; /* of the list */
	struct puts_slot *free;
	sem_t nr_free; /* slots in the list */
};

struct puts {
	const struct bench_puts *opts;
	struct weir_store *store;
	struct puts_part *parts;
	uint32_t nr_parts; /* those that are made */
	char *values;
	uint64_t *order; /* the ids in the order of the gets */
	bool gets;
	struct hist *latency; /* the store's loop records */
	int err;	      /* of the first operation that failed; the store's loop writes it */
	char why[256];
};

static void puts_give_back(struct puts_slot *slot)
{
	struct puts_part *part = slot->part;

	pthread_mutex_lock(&part->lock);
	slot->next = part->free;
	part->free = slot;
	pthread_mutex_unlock(&part->lock);
	sem_post(&part->nr_free);
}

/* Called on the store's loop. */
static void puts_ended(struct weir_store_op *op)
{
	struct puts_slot *slot = op->user;
	struct puts *p = slot->part->all;
	uint64_t now_ns = clock_now();

	hist_record(p->latency, now_ns - slot->start_ns);
	if (p->opts->timeline && !op->result)
		bench_timeline_add(p->opts->timeline, p->gets, p->opts->value_bytes,
				   now_ns - slot->start_ns, now_ns);
	if (op->result && !__atomic_load_n(&p->err, __ATOMIC_RELAXED)) {
		weir_store_op_strerror(op, p->why, sizeof(p->why));
		__atomic_store_n(&p->err, op->result, __ATOMIC_RELEASE);
	}
	puts_give_back(slot);
}

/* Takes the slot of any operation that has ended. NULL: the store's loop cannot run. */
static struct puts_slot *puts_take(struct puts_part *part)
{
	struct puts *p = part->all;
	struct puts_slot *slot;

	if (p->opts->threads > 1)
		while (sem_wait(&part->nr_free))
			;
	else
		while (sem_trywait(&part->nr_free))
			if (weir_queue_poll_wait(weir_store_queue(p->store), UINT64_MAX) < 0)
				return NULL;
	pthread_mutex_lock(&part->lock);
	slot = part->free;
	part->free = slot->next;
	pthread_mutex_unlock(&part->lock);
	return slot;
}

static int puts_begin(struct puts_slot *slot, uint64_t id)
{
	struct puts *p = slot->part->all;
	struct weir_store_op *op = &slot->op;

	memset(op, 0, sizeof(*op));
	op->kind = p->gets ? WEIR_STORE_GET : WEIR_STORE_PUT;
	op->key = slot->key;
	op->key_len = (uint32_t)snprintf(slot->key, sizeof(slot->key), "key-%llu",
					 (unsigned long long)id);
	op->buf = slot->value;
	op->end = puts_ended;
	op->user = slot;
	op->value_len = op->capacity = p->opts->value_bytes;
	if (!p->gets) /* one word is enough to make a value distinct */
		memcpy(slot->value, &id, sizeof(id) < op->value_len ? sizeof(id) : op->value_len);
	slot->start_ns = clock_now();
	return weir_store_submit(p->store, op);
}

/* Waits until all slots of PART are free. */
static void puts_drain(struct puts_part *part)
{
	struct puts_slot *all = NULL, *slot;

	for (uint32_t i = 0; i < part->all->opts->depth && (slot = puts_take(part)); i++) {
		slot->next = all;
		all = slot;
	}
	while (all) {
		slot = all;
		all = slot->next;
		puts_give_back(slot);
	}
}

static bool puts_stopped(const struct puts *p)
{
	return p->opts->stop && *p->opts->stop;
}

static void *puts_run_part(void *arg)
{
	struct puts_part *part = arg;
	struct puts *p = part->all;

	for (uint64_t at = part->first; at < p->opts->count && !puts_stopped(p);
	     at += p->opts->threads) {
		struct puts_slot *slot = puts_take(part);
		int err;

		if (!slot || __atomic_load_n(&p->err, __ATOMIC_ACQUIRE)) {
			if (slot)
				puts_give_back(slot);
			break;
		}
		err = puts_begin(slot, p->gets ? p->order[at] : at);
		if (err < 0) {
			slot->op.result = err;
			puts_ended(&slot->op);
			break;
		}
	}
	puts_drain(part);
	return NULL;
}

/* Runs one way through all values. Returns 0 or -errno. */
static int puts_way(struct puts *p, bool gets, struct bench_puts_way *way)
{
	double bytes = (double)p->opts->count * (double)p->opts->value_bytes;
	struct usage usage;
	uint32_t started = 1;
	int err = 0;

	memset(p->latency, 0, sizeof(*p->latency));
	p->gets = gets;
	if (p->opts->timeline)
		bench_timeline_show(p->opts->timeline, 1u << gets, clock_now());
	usage_begin(&usage);
	for (; started < p->opts->threads && !err; started += !err)
		err = thread_start(&p->parts[started].thread, "weir-bench", puts_run_part,
				   &p->parts[started]);
	puts_run_part(&p->parts[0]);
	for (uint32_t i = 1; i < started; i++)
		pthread_join(p->parts[i].thread, NULL);
	if (err)
		return error_sys(err, "cannot start a thread");
	if (p->err)
		return error_set(p->err, "%s", p->why);
	if (!gets)
		err = weir_store_sync(p->store);
	usage_end(&usage);
	way->mbps = usage.wall_ns ? bytes * 1e3 / (double)usage.wall_ns : 0;
	way->cpu_per_gb = (double)usage.process_ns / bytes;
	way->bound = p->opts->threads == 1 &&
		     usage_share(&usage, usage.cpu_ns + usage.wait_ns) > SIM_BOUND;
	hist_summary(p->latency, &way->latency);
	return err;
}

/* Puts the ids in a random order, which is the same each time. */
static void puts_shuffle(struct puts *p)
{
	for (uint64_t i = 0; i < p->opts->count; i++) {
		uint64_t j = prng_mix(i) % (i + 1);

		p->order[i] = p->order[j];
		p->order[j] = i;
	}
}

static int puts_open_part(struct puts *p, uint32_t number)
{
	struct puts_part *part = &p->parts[number];

	part->all = p;
	part->first = number;
	part->slots = calloc(p->opts->depth, sizeof(*part->slots));
	if (!part->slots || sem_init(&part->nr_free, 0, 0) || pthread_mutex_init(&part->lock, NULL))
		return error_sys(-ENOMEM, "no memory for operations");
	p->nr_parts++;
	for (uint64_t i = 0; i < p->opts->depth; i++) {
		part->slots[i].part = part;
		part->slots[i].value =
			p->values + ((uint64_t)number * p->opts->depth + i) * p->opts->value_bytes;
		puts_give_back(&part->slots[i]);
	}
	return 0;
}

static uint64_t puts_bytes(const struct puts *p)
{
	return (uint64_t)p->opts->threads * p->opts->depth * p->opts->value_bytes;
}

/* Returns memory for values, in huge pages where the kernel has them, as fio's is here (child.c).
 * Each small page that does not lie beside the one before is a segment of its own in the drive's
 * commands: with these, gets of 32 MiB took 2.5 times as long on a virtual drive. */
static char *puts_memory(uint64_t bytes)
{
	const size_t huge = (size_t)2 << 20;
	void *memory;

	if (posix_memalign(&memory, bytes < huge ? 4096 : huge, bytes))
		return NULL;
	(void)madvise(memory, bytes, MADV_HUGEPAGE);
	return memory;
}

static int puts_open(struct puts *p)
{
	uint64_t bytes = (puts_bytes(p) + 4095) / 4096 * 4096;
	int err = 0;

	p->values = puts_memory(bytes);
	p->order = calloc(p->opts->count, sizeof(*p->order));
	p->parts = calloc(p->opts->threads, sizeof(*p->parts));
	p->latency = calloc(1, sizeof(*p->latency));
	if (!p->values || !p->order || !p->parts || !p->latency)
		return error_sys(-ENOMEM, "no memory for %u values",
				 p->opts->threads * p->opts->depth);
	for (uint64_t i = 0; i < bytes / 8; i++)
		((uint64_t *)(void *)p->values)[i] = prng_mix(i);
	puts_shuffle(p);
	for (uint32_t i = 0; i < p->opts->threads && !err; i++)
		err = puts_open_part(p, i);
	return err;
}

static int puts_open_store(struct puts *p, const char *path)
{
	struct weir_store_opts opts = WEIR_STORE_OPTS_INIT;
	uint32_t all = p->opts->depth * p->opts->threads;
	int err;

	opts.attach = p->opts->threads == 1;
	opts.depth = all < 32 ? 32 : all;
	opts.engine = p->opts->engine;
	opts.trace = p->opts->trace;
	err = weir_store_open(&p->store, path, &opts);
	/* As fio's fixedbufs. Where the kernel refuses (RLIMIT_MEMLOCK), ios cost a little more. */
	if (!err)
		(void)weir_queue_register(weir_store_queue(p->store), p->values, puts_bytes(p));
	return err;
}

static int puts_both_ways(struct puts *p, struct bench_puts_result *result)
{
	struct weir_store_stats stats = WEIR_STORE_STATS_INIT;
	int err = puts_way(p, false, &result->put);

	if (!err)
		err = weir_store_get_stats(p->store, &stats);
	if (!err)
		err = puts_way(p, true, &result->get);
	result->flushes = stats.flushes;
	result->index_bytes = stats.entries ? (double)stats.index_bytes / (double)stats.entries : 0;
	result->write_amplification = (double)stats.written_bytes /
				      ((double)p->opts->count * (double)p->opts->value_bytes);
	return err;
}

static void puts_close(struct puts *p)
{
	for (uint32_t i = 0; i < p->nr_parts; i++) {
		sem_destroy(&p->parts[i].nr_free);
		pthread_mutex_destroy(&p->parts[i].lock);
		free(p->parts[i].slots);
	}
	free(p->parts);
	free(p->values);
	free(p->order);
	free(p->latency);
}

int bench_puts_run(const char *path, const struct bench_puts *opts,
		   struct bench_puts_result *result)
{
	struct puts p = { .opts = opts };
	int err = puts_open(&p);

	if (!err)
		err = puts_open_store(&p, path);
	if (!err)
		err = puts_both_ways(&p, result);
	if (p.store) {
		int closed = weir_store_close(p.store);

		err = err ? err : closed;
	}
	puts_close(&p);
	return err;
}
