/* SPDX-License-Identifier: Apache-2.0 */
/*
 * beside.c - measures how long loads from a store take beside a flood of stores, as below LMCache
 * (bench/hosts --only flood), but without a host.
 *
 *   weir-bench-beside PATH SCHEDULER [TUNABLE=VALUE]...
 *
 * PATH must hold a store of some GiB (weir format); it loses what it holds. Loads get 8 values of
 * 1 MiB, every 20 ms or as soon as the one before has ended: 100 of them alone, and 200 beside a
 * thread that puts 64 values of 1 MiB at a time. Prints one JSON line.
 */
#include <err.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include <weir/weir.h>

#define MIB (1u << 20)
#define LOADED 8u
#define SETS 8u
#define STORED 64u
#define ALONE 100u /* loads */
#define BESIDE 200u
#define PERIOD_NS 20000000ull
#define SECOND_NS 1000000000ull

struct slot {
	struct weir_store_op op;
	char key[32];
	sem_t *ended;
};

struct loads {
	double ms[BESIDE];
	unsigned count;
};

static struct weir_store *store;
static uint64_t stored; /* bytes; atomic */
static int stop;	/* atomic */

static uint64_t now(void)
{
	struct timespec t;

	if (clock_gettime(CLOCK_MONOTONIC, &t))
		err(1, "clock_gettime");
	return (uint64_t)t.tv_sec * SECOND_NS + (uint64_t)t.tv_nsec;
}

static void sleep_until(uint64_t at)
{
	struct timespec t = { (time_t)(at / SECOND_NS), (long)(at % SECOND_NS) };

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL))
		;
}

static char *memory(size_t values)
{
	char *m = mmap(NULL, values * MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		       0);

	if (m == MAP_FAILED)
		err(1, "memory");
	memset(m, 7, values * MIB);
	return m;
}

static void on_end(struct weir_store_op *op)
{
	sem_post(((struct slot *)op->user)->ended);
}

/* Runs N operations of KIND at once, on the keys NAME-FIRST and so on. Returns how many failed. */
static unsigned run(uint32_t kind, const char *name, unsigned long first, char *values, unsigned n)
{
	static __thread struct slot slots[STORED];
	unsigned failed = 0;
	sem_t ended;

	sem_init(&ended, 0, 0);
	for (unsigned i = 0; i < n; i++) {
		struct weir_store_op *op = &slots[i].op;

		*op = (struct weir_store_op)WEIR_STORE_OP_INIT;
		slots[i].ended = &ended;
		op->kind = kind;
		op->key = slots[i].key;
		op->key_len = (uint32_t)snprintf(slots[i].key, sizeof(slots[i].key), "%s-%lu", name,
						 first + i);
		op->buf = values + (size_t)i * MIB;
		op->value_len = op->capacity = MIB;
		op->end = on_end;
		op->user = &slots[i];
		if (weir_store_submit(store, op))
			errx(1, "%s", weir_error());
	}
	for (unsigned i = 0; i < n; i++)
		while (sem_wait(&ended))
			;
	for (unsigned i = 0; i < n; i++)
		failed += slots[i].op.result != 0;
	sem_destroy(&ended);
	return failed;
}

static void *flood(void *values)
{
	for (unsigned long id = 0; !__atomic_load_n(&stop, __ATOMIC_RELAXED); id += STORED) {
		if (run(WEIR_STORE_PUT, "flood", id, values, STORED))
			errx(1, "a put failed");
		__atomic_add_fetch(&stored, (uint64_t)STORED * MIB, __ATOMIC_RELAXED);
	}
	return NULL;
}

/* A load of which a value was evicted does not count. */
static void load(struct loads *l, char *values, unsigned times)
{
	uint64_t begun = now(), start;

	l->count = 0;
	for (unsigned i = 0; i < times; i++) {
		sleep_until(begun + i * PERIOD_NS);
		start = now();
		if (!run(WEIR_STORE_GET, "set", (unsigned long)(i % SETS) * LOADED, values, LOADED))
			l->ms[l->count++] = (double)(now() - start) / 1e6;
	}
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void show(const char *name, struct loads *l)
{
	if (!l->count)
		errx(1, "no load succeeded");
	qsort(l->ms, l->count, sizeof(l->ms[0]), by_value);
	printf("\"%s_p50_ms\":%.1f,\"%s_p99_ms\":%.1f,", name, l->ms[l->count / 2], name,
	       l->ms[l->count * 99 / 100]);
}

static void set_up(const char *path, const char *scheduler, char **tunables)
{
	struct weir_store_opts opts = WEIR_STORE_OPTS_INIT;

	opts.scheduler = scheduler;
	if (weir_store_open(&store, path, &opts))
		errx(1, "%s", weir_error());
	for (; *tunables; tunables++) {
		char *value = strchr(*tunables, '=');

		if (!value)
			errx(2, "%s: no value", *tunables);
		*value++ = 0;
		if (weir_queue_set(weir_store_queue(store), *tunables, value))
			errx(1, "%s", weir_error());
	}
}

int main(int argc, char **argv)
{
	static struct loads alone, beside;
	char *loaded, *values;
	pthread_t thread;
	uint64_t begun, loaded_ns;

	if (argc < 3)
		errx(2, "usage: weir-bench-beside PATH SCHEDULER [TUNABLE=VALUE]...");
	loaded = memory(LOADED);
	values = memory(STORED);
	set_up(argv[1], argv[2], argv + 3);
	for (unsigned set = 0; set < SETS; set++)
		if (run(WEIR_STORE_PUT, "set", (unsigned long)set * LOADED, loaded, LOADED))
			errx(1, "a put failed");
	load(&alone, loaded, ALONE);
	begun = now();
	if (pthread_create(&thread, NULL, flood, values))
		errx(1, "thread");
	load(&beside, loaded, BESIDE);
	loaded_ns = now() - begun;
	__atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	printf("{\"scheduler\":\"%s\",", argv[2]);
	show("alone", &alone);
	show("beside", &beside);
	printf("\"loads_mbps\":%.0f,",
	       (double)beside.count * LOADED * MIB * 1e3 / (double)loaded_ns);
	printf("\"flood_mbps\":%.0f}\n", (double)stored * 1e3 / (double)(now() - begun));
	if (weir_store_close(store))
		errx(1, "%s", weir_error());
	return 0;
}
