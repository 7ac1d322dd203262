/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store_io.c - measures how much the store moves: puts, then gets in random order, from registered
 * buffers.
 *
 *   weir-bench-store PATH VALUE_BYTES TOTAL_BYTES DEPTH [THREADS [ENGINE]]
 *
 * PATH must hold a store (weir format). The keys are dealt to THREADS threads (1). Each of them
 * keeps DEPTH operations under way: when any of them ends, it submits the next. One thread alone
 * owns the store's loop (attach); several threads hand their operations to the store's own thread.
 * Values are distinct and cannot be compressed; the store checks every get as always. The puts end
 * with a sync, which is counted. Prints one JSON line: MB/s (10^6) of payload, seconds of CPU for a
 * GB of it (the kernel's workers of this process included), and what the puts cost: bytes written
 * to the device for each byte of payload, flushes, and bytes of memory for each entry of the index.
 */
#include <err.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include <weir/weir.h>

#include "base/clock.h"

struct part;

struct slot {
	struct weir_store_op op;
	struct part *part;
	struct slot *next; /* in the list of those that are free */
	char key[24];
	char *value;
};

/* The keys FIRST, FIRST + threads and so on. */
struct part {
	pthread_t thread;
	struct slot *slots;
	uint64_t first;
	pthread_mutex_t lock; /* of the list */
	struct slot *free;
	sem_t nr_free; /* slots in the list */
};

static struct weir_store *store;
static struct part *parts;
static char *values;
static const uint64_t *order; /* gets: the ids; NULL: puts */
static uint64_t value_bytes, count;
static uint32_t depth, threads;

static uint64_t mix(uint64_t x)
{
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ull;
	x = (x ^ x >> 27) * 0x94d049bb133111ebull;
	return x ^ x >> 31;
}

static void give_back(struct slot *slot)
{
	struct part *part = slot->part;

	pthread_mutex_lock(&part->lock);
	slot->next = part->free;
	part->free = slot;
	pthread_mutex_unlock(&part->lock);
	sem_post(&part->nr_free);
}

/* Called on the store's loop. */
static void ended(struct weir_store_op *op)
{
	char text[256];

	if (op->result)
		errx(1, "%s: %s", (const char *)op->key,
		     weir_store_op_strerror(op, text, sizeof(text)));
	give_back(op->user);
}

/* Takes the slot of any operation that has ended, as fio does. */
static struct slot *take(struct part *part)
{
	struct slot *slot;

	if (threads > 1)
		while (sem_wait(&part->nr_free))
			;
	else
		while (sem_trywait(&part->nr_free))
			if (weir_queue_poll_wait(weir_store_queue(store), UINT64_MAX) < 0)
				errx(1, "%s", weir_error());
	pthread_mutex_lock(&part->lock);
	slot = part->free;
	part->free = slot->next;
	pthread_mutex_unlock(&part->lock);
	return slot;
}

static void begin(struct slot *slot, uint64_t id)
{
	struct weir_store_op *op = &slot->op;

	memset(op, 0, sizeof(*op));
	op->kind = order ? WEIR_STORE_GET : WEIR_STORE_PUT;
	op->key = slot->key;
	op->key_len = (uint32_t)snprintf(slot->key, sizeof(slot->key), "key-%llu",
					 (unsigned long long)id);
	op->buf = slot->value;
	op->end = ended;
	op->user = slot;
	op->value_len = op->capacity = value_bytes;
	if (!order) /* one word is enough to make a value distinct */
		memcpy(slot->value, &id, sizeof(id));
	if (weir_store_submit(store, op))
		errx(1, "%s: %s", slot->key, weir_error());
}

static void *run_part(void *arg)
{
	struct part *part = arg;
	struct slot *all = NULL;

	for (uint64_t at = part->first; at < count; at += threads)
		begin(take(part), order ? order[at] : at);
	/* All have ended when all slots are free. */
	for (uint32_t i = 0; i < depth; i++) {
		struct slot *slot = take(part);

		slot->next = all;
		all = slot;
	}
	while (all) {
		struct slot *slot = all;

		all = slot->next;
		give_back(slot);
	}
	return NULL;
}

static double cpu_seconds(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
	       (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

/* What one way through all ids took. */
struct taken {
	double mbps, cpu_per_gb;
};

static struct taken run(void)
{
	double before = clock_seconds(), cpu = cpu_seconds();
	double bytes = (double)(count * value_bytes);

	for (uint32_t i = 1; i < threads; i++)
		if (pthread_create(&parts[i].thread, NULL, run_part, &parts[i]))
			errx(1, "no thread");
	run_part(&parts[0]);
	for (uint32_t i = 1; i < threads; i++)
		pthread_join(parts[i].thread, NULL);
	if (!order && weir_store_sync(store))
		errx(1, "%s", weir_error());
	return (struct taken){ bytes / (clock_seconds() - before) / 1e6,
			       (cpu_seconds() - cpu) / (bytes / 1e9) };
}

static uint64_t *shuffled(void)
{
	uint64_t *ids = calloc(count, sizeof(*ids));

	if (!ids)
		err(1, "order");
	for (uint64_t i = 0; i < count; i++) {
		uint64_t j = mix(i) % (i + 1);

		ids[i] = ids[j];
		ids[j] = i;
	}
	return ids;
}

static void make_parts(void)
{
	values = aligned_alloc(4096, (size_t)threads * depth * value_bytes);
	parts = calloc(threads, sizeof(*parts));
	if (!values || !parts)
		errx(1, "no memory for %u values", threads * depth);
	for (uint64_t i = 0; i < (size_t)threads * depth * value_bytes / 8; i++)
		((uint64_t *)values)[i] = mix(i);
	for (uint32_t t = 0; t < threads; t++) {
		parts[t].first = t;
		parts[t].slots = calloc(depth, sizeof(struct slot));
		if (!parts[t].slots || sem_init(&parts[t].nr_free, 0, 0) ||
		    pthread_mutex_init(&parts[t].lock, NULL))
			errx(1, "no memory");
		for (uint32_t i = 0; i < depth; i++) {
			parts[t].slots[i].part = &parts[t];
			parts[t].slots[i].value = values + (t * depth + i) * value_bytes;
			give_back(&parts[t].slots[i]);
		}
	}
}

static void free_parts(void)
{
	for (uint32_t t = 0; t < threads; t++)
		free(parts[t].slots);
	free(parts);
	free(values);
}

static void open_store(const char *path, const char *engine)
{
	struct weir_store_opts opts = WEIR_STORE_OPTS_INIT;

	opts.attach = threads == 1;
	opts.depth = depth * threads < 32 ? 32 : depth * threads;
	opts.engine = engine;
	if (weir_store_open(&store, path, &opts))
		errx(1, "%s", weir_error());
	/* As fio's --fixedbufs. If the kernel refuses some of it (RLIMIT_MEMLOCK), that costs a
	 * little speed. */
	(void)weir_queue_register(weir_store_queue(store), values,
				  (size_t)threads * depth * value_bytes);
}

int main(int argc, char **argv)
{
	struct weir_store_stats stats = WEIR_STORE_STATS_INIT;
	struct taken put, get;
	uint64_t *ids;

	if (argc < 5)
		errx(2, "usage: weir-bench-store PATH VALUE_BYTES TOTAL_BYTES DEPTH "
			"[THREADS [ENGINE]]");
	value_bytes = strtoull(argv[2], NULL, 10);
	count = strtoull(argv[3], NULL, 10) / value_bytes;
	depth = (uint32_t)atoi(argv[4]);
	threads = argc > 5 ? (uint32_t)atoi(argv[5]) : 1;
	make_parts();
	open_store(argv[1], argc > 6 ? argv[6] : NULL);
	ids = shuffled();
	put = run();
	if (weir_store_get_stats(store, &stats))
		errx(1, "%s", weir_error());
	order = ids;
	get = run();
	if (weir_store_close(store))
		errx(1, "%s", weir_error());
	printf("{\"put_mbps\":%.1f,\"get_mbps\":%.1f,\"put_cpu_per_gb\":%.3f,"
	       "\"get_cpu_per_gb\":%.3f,\"write_amplification\":%.4f,\"flushes\":%llu,"
	       "\"index_bytes_per_entry\":%.1f}\n",
	       put.mbps, get.mbps, put.cpu_per_gb, get.cpu_per_gb,
	       (double)stats.written_bytes / (double)(count * value_bytes),
	       (unsigned long long)stats.flushes,
	       stats.entries ? (double)stats.index_bytes / (double)stats.entries : 0.0);
	free(ids);
	free_parts();
	return 0;
}
