/* SPDX-License-Identifier: Apache-2.0 */
/*
 * deadline.c - measures how late gets end whose deadline comes while the queue is full of other
 * gets.
 *
 *   weir-bench-deadline PATH
 *
 * PATH must hold a store (weir format) with room for 64 values of 1 MiB. 64 gets of 1 MiB are
 * always under way. One get more has a deadline 300 us after its submission; when it has ended the
 * next one follows. Prints one JSON line: how many of these ended by their deadline, and how late
 * they were in microseconds. `sleep_us` says how late a thread without the store wakes up at
 * the same time: what the machine adds when others want its CPUs.
 */
#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <weir/weir.h>

#define VALUE (1u << 20)
#define LOAD 64u
#define SAMPLES 5000u
#define TRIES (4 * SAMPLES)
#define AHEAD_NS 300000u

static struct weir_store *store;
static struct weir_store_op load[LOAD], timed;
static uint64_t ids[LOAD];
static uint64_t late_ns[SAMPLES], slept_ns[SAMPLES];
static unsigned late, tries, slept;
static int stop; /* atomic */

static uint64_t now_ns(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static void *memory(void)
{
	void *buf;

	if (posix_memalign(&buf, 2u << 20, VALUE))
		err(1, "memory");
	return buf;
}

static void submit(struct weir_store_op *op)
{
	if (weir_store_submit(store, op))
		errx(1, "%s", weir_error());
}

/* The next three run on the store's loop. */
static void load_ended(struct weir_store_op *op)
{
	if (op->result)
		errx(1, "a get of the load failed: %d", op->result);
	if (!__atomic_load_n(&stop, __ATOMIC_RELAXED))
		submit(op);
}

static void timed_begin(void)
{
	timed.key = &ids[tries++ % LOAD];
	timed.deadline_ns = now_ns(CLOCK_MONOTONIC) + AHEAD_NS;
	submit(&timed);
}

static void timed_ended(struct weir_store_op *op)
{
	if (op->result == -ETIMEDOUT)
		late_ns[late++] = now_ns(CLOCK_MONOTONIC) - op->deadline_ns;
	else if (op->result)
		errx(1, "a get with a deadline failed: %d", op->result);
	if (late < SAMPLES && tries < TRIES)
		timed_begin();
	else
		__atomic_store_n(&stop, 1, __ATOMIC_RELEASE);
}

static void get_of(struct weir_store_op *op, unsigned n, void (*end)(struct weir_store_op *op))
{
	*op = (struct weir_store_op)WEIR_STORE_OP_INIT;
	op->kind = WEIR_STORE_GET;
	op->key = &ids[n];
	op->key_len = sizeof(ids[n]);
	op->buf = memory();
	op->capacity = VALUE;
	op->end = end;
}

static void put_all(void)
{
	void *value = memory();

	for (unsigned n = 0; n < LOAD; n++) {
		ids[n] = n;
		if (weir_store_put(store, &ids[n], sizeof(ids[n]), value, VALUE, 0))
			errx(1, "%s", weir_error());
	}
	free(value);
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static void show(const char *name, uint64_t *ns, unsigned n, const char *after)
{
	const unsigned last = n ? n - 1 : 0, middle = last / 2;
	const unsigned high = (unsigned)(last * 99ull / 100);

	qsort(ns, n, sizeof(*ns), compare);
	printf("\"%s\": {\"p50\": %.0f, \"p99\": %.0f, \"max\": %.0f}%s", name,
	       (double)ns[middle] / 1000, (double)ns[high] / 1000, (double)ns[last] / 1000, after);
}

/* Sleeps as long as a get has, and notes how late it wakes up. */
static void sleep_once(void)
{
	uint64_t until = now_ns(CLOCK_MONOTONIC) + AHEAD_NS;
	struct timespec ts = { .tv_sec = (time_t)(until / 1000000000u),
			       .tv_nsec = (long)(until % 1000000000u) };

	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL);
	slept_ns[slept++ % SAMPLES] = now_ns(CLOCK_MONOTONIC) - until;
}

int main(int argc, char **argv)
{
	if (argc != 2)
		errx(2, "usage: weir-bench-deadline PATH");
	if (weir_store_open(&store, argv[1], NULL))
		errx(1, "%s", weir_error());
	put_all();
	for (unsigned n = 0; n < LOAD; n++) {
		get_of(&load[n], n, load_ended);
		submit(&load[n]);
	}
	get_of(&timed, 0, timed_ended);
	timed_begin();
	while (!__atomic_load_n(&stop, __ATOMIC_ACQUIRE))
		sleep_once();
	if (weir_store_close(store))
		errx(1, "%s", weir_error());
	printf("{\"gets\": %u, \"timed_out\": %u, ", tries, late);
	show("late_us", late_ns, late, ", ");
	show("sleep_us", slept_ns, slept < SAMPLES ? slept : SAMPLES, "}\n");
	for (unsigned n = 0; n < LOAD; n++)
		free(load[n].buf);
	free(timed.buf);
	return 0;
}
