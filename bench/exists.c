/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exists.c - measures what it costs to ask which keys are there: on the calling thread
 * (weir_store_exists_many()), and handed over to the loop (WEIR_STORE_EXISTS by weir_store_run()).
 *
 *   weir-bench-exists PATH ENTRIES
 *
 * PATH must hold a store (weir format) with room for ENTRIES values of one block. Prints one JSON
 * line: nanoseconds of CPU time a key, the loop's included, with 1 and 4 threads, which ask for
 * rows of 128 keys, and beside a thread that puts, whose time is included there.
 */
#include <err.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <weir/weir.h>

#define ROW 128u
#define ROWS 20000u
#define HANDED_ROWS 2000u
#define THREADS 4u

static struct weir_store *store;
static uint64_t entries;
static int stop; /* atomic */

static uint64_t mix(uint64_t x)
{
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ull;
	x = (x ^ x >> 27) * 0x94d049bb133111ebull;
	return x ^ x >> 31;
}

static void put_all(void)
{
	struct weir_store_op *ops = calloc(ROW, sizeof(*ops));
	uint64_t *ids = calloc(ROW, sizeof(*ids));

	if (!ops || !ids)
		err(1, "operations");
	for (uint64_t at = 0; at < entries; at += ROW) {
		memset(ops, 0, ROW * sizeof(*ops));
		for (unsigned i = 0; i < ROW; i++) {
			ids[i] = at + i;
			ops[i].key = &ids[i];
			ops[i].key_len = sizeof(ids[i]);
			ops[i].value = "v";
			ops[i].value_len = 1;
		}
		if (weir_store_put_many(store, ops, ROW))
			errx(1, "%s", weir_error());
	}
	free(ops);
	free(ids);
}

static void ask_row(uint64_t *state)
{
	struct weir_store_key keys[ROW];
	uint64_t ids[ROW], lengths[ROW];
	size_t leading;
	int err;

	for (unsigned i = 0; i < ROW; i++) {
		ids[i] = mix((*state)++) % entries;
		keys[i] = (struct weir_store_key){ &ids[i], sizeof(ids[i]), 0 };
	}
	err = weir_store_exists_many(store, keys, ROW, lengths, &leading);
	if (err && err != -EAGAIN)
		errx(1, "%s", weir_error());
}

static void hand_over_row(uint64_t *state)
{
	struct weir_store_op ops[ROW];
	uint64_t ids[ROW];

	memset(ops, 0, sizeof(ops));
	for (unsigned i = 0; i < ROW; i++) {
		ids[i] = mix((*state)++) % entries;
		ops[i].kind = WEIR_STORE_EXISTS;
		ops[i].key = &ids[i];
		ops[i].key_len = sizeof(ids[i]);
	}
	weir_store_run(store, ops, ROW);
}

static void *ask(void *arg)
{
	uint64_t state = (uint64_t)(uintptr_t)arg << 32;

	for (unsigned n = 0; n < ROWS; n++)
		ask_row(&state);
	return NULL;
}

static void *hand_over(void *arg)
{
	uint64_t state = (uint64_t)(uintptr_t)arg << 32;

	for (unsigned n = 0; n < HANDED_ROWS; n++)
		hand_over_row(&state);
	return NULL;
}

static void *put(void *arg)
{
	uint64_t id = 0;

	(void)arg;
	for (; !__atomic_load_n(&stop, __ATOMIC_RELAXED); id = (id + 1) % entries)
		if (weir_store_put(store, &id, sizeof(id), "w", 1, 0))
			errx(1, "%s", weir_error());
	return NULL;
}

static double cpu_seconds(void)
{
	struct timespec t;

	if (clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t))
		err(1, "clock_gettime");
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Returns nanoseconds of all CPUs for a key. */
static double run(void *(*fn)(void *), unsigned rows, unsigned threads)
{
	pthread_t thread[THREADS];
	double before = cpu_seconds();

	for (unsigned n = 0; n < threads; n++)
		if (pthread_create(&thread[n], NULL, fn, (void *)(uintptr_t)n))
			err(1, "thread");
	for (unsigned n = 0; n < threads; n++)
		pthread_join(thread[n], NULL);
	return (cpu_seconds() - before) * 1e9 / rows / ROW / threads;
}

int main(int argc, char **argv)
{
	double one, four, beside, handed_one, handed_four;
	pthread_t putter;

	if (argc < 3)
		errx(2, "usage: weir-bench-exists PATH ENTRIES");
	entries = strtoull(argv[2], NULL, 10) / ROW * ROW;
	if (weir_store_open(&store, argv[1], NULL))
		errx(1, "%s", weir_error());
	put_all();
	run(ask, ROWS, 1); /* the first look at each entry marks it as read */
	one = run(ask, ROWS, 1);
	four = run(ask, ROWS, THREADS);
	handed_one = run(hand_over, HANDED_ROWS, 1);
	handed_four = run(hand_over, HANDED_ROWS, THREADS);
	if (pthread_create(&putter, NULL, put, NULL))
		err(1, "thread");
	beside = run(ask, ROWS, 1);
	__atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
	pthread_join(putter, NULL);
	if (weir_store_close(store))
		errx(1, "%s", weir_error());
	printf("{\"ns_per_key\":%.1f,\"ns_per_key_4_threads\":%.1f,\"ns_per_key_beside_puts\":%.1f,"
	       "\"handed_over_ns_per_key\":%.1f,\"handed_over_ns_per_key_4_threads\":%.1f}\n",
	       one, four, beside, handed_one, handed_four);
	return 0;
}
