/* SPDX-License-Identifier: Apache-2.0 */
/*
 * recovery.c - measures how long a store needs to open, and what of it is the drive's time.
 *
 *   weir-bench-recovery PATH ENTRIES [ENGINE]
 *
 * PATH must hold a store (weir format) with room for ENTRIES values of 400 bytes. If it has none
 * yet, they are put first. Then the store is opened for writing, as a program does that starts.
 * Prints one JSON line: seconds of wall clock and of CPU, entries, reads and their bytes, and how
 * many reads the drive had at a time in the mean.
 */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include <weir/weir.h>

#include "base/clock.h"

#define VALUE_BYTES 400u
#define BATCH 256u

static double cpu_seconds(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
	       (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static struct weir_store *open_store(const char *path, const char *engine)
{
	struct weir_store_opts opts = WEIR_STORE_OPTS_INIT;
	struct weir_store *s;

	opts.attach = 1;
	opts.engine = engine;
	opts.control = WEIR_CONTROL_OFF;
	if (weir_store_open(&s, path, &opts))
		errx(1, "%s", weir_error());
	return s;
}

static uint64_t count_entries(struct weir_store *s)
{
	struct weir_store_stats stats = WEIR_STORE_STATS_INIT;

	if (weir_store_get_stats(s, &stats))
		errx(1, "%s", weir_error());
	return stats.entries;
}

static void fill(struct weir_store *s, uint64_t entries)
{
	static struct weir_store_op ops[BATCH];
	static uint64_t keys[BATCH];
	static char value[VALUE_BYTES];

	for (uint64_t at = 0; at < entries; at += BATCH) {
		uint64_t n = entries - at < BATCH ? entries - at : BATCH;

		memset(ops, 0, sizeof(ops));
		for (uint64_t i = 0; i < n; i++) {
			keys[i] = at + i;
			ops[i].key = &keys[i];
			ops[i].key_len = sizeof(keys[i]);
			ops[i].value = value;
			ops[i].value_len = sizeof(value);
		}
		if (weir_store_put_many(s, ops, n))
			errx(1, "%s", weir_error());
	}
}

static void fill_if_empty(const char *path, uint64_t entries, const char *engine)
{
	struct weir_store *s = open_store(path, engine);

	if (!count_entries(s))
		fill(s, entries);
	if (count_entries(s) != entries)
		errx(1, "%s has %llu entries, not %llu: format it again, or larger", path,
		     (unsigned long long)count_entries(s), (unsigned long long)entries);
	if (weir_store_close(s))
		errx(1, "%s", weir_error());
}

static void print(struct weir_store *s, double seconds, double cpu)
{
	struct weir_op_stats reads = WEIR_OP_STATS_INIT;
	struct weir_queue_stats queue = WEIR_QUEUE_STATS_INIT;
	double busy;

	if (weir_queue_get_op_stats(weir_store_queue(s), WEIR_OP_READ, &reads) ||
	    weir_queue_get_stats(weir_store_queue(s), &queue))
		errx(1, "%s", weir_error());
	busy = (double)reads.device.sum_ns / 1e9;
	printf("{\"seconds\":%.4f,\"cpu_seconds\":%.4f,\"entries\":%llu,\"reads\":%llu,"
	       "\"read_bytes\":%llu,\"mean_depth\":%.1f}\n",
	       seconds, cpu, (unsigned long long)count_entries(s),
	       (unsigned long long)reads.device.count, (unsigned long long)reads.bytes,
	       busy / seconds);
}

int main(int argc, char **argv)
{
	const char *engine = argc > 3 ? argv[3] : NULL;
	struct weir_store *s;
	double begun, cpu;

	if (argc < 3)
		errx(2, "usage: weir-bench-recovery PATH ENTRIES [ENGINE]");
	fill_if_empty(argv[1], strtoull(argv[2], NULL, 10), engine);
	begun = clock_seconds();
	cpu = cpu_seconds();
	s = open_store(argv[1], engine);
	print(s, clock_seconds() - begun, cpu_seconds() - cpu);
	return weir_store_close(s) ? 1 : 0;
}
