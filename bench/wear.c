/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wear.c - counts what a store writes to its device for each byte that a program puts.
 *
 *   weir-bench-wear PATH unique|overwrite|zipf VALUE_BYTES PUT_BYTES [ENGINE]
 *
 * PATH must hold an empty store (weir format). Puts PUT_BYTES in values of VALUE_BYTES:
 *   unique     each key once; a full store evicts
 *   overwrite  keys for half of the store, chosen at random
 *   zipf       a cache: keys for twice the store, asked for with a frequency of 1 / rank; those
 * that are not there are put Prints one JSON line from the store's statistics, which `weir stat`
 * shows of a running store.
 */
#include <err.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <weir/weir.h>

#include "base/prng.h"

#define DEPTH 16u

static struct weir_store *store;
static struct weir_store_op ops[DEPTH];
static uint64_t ids[DEPTH];
static char *memory;
static uint64_t value_bytes, keys;
static double *below; /* zipf: how much of all questions go to keys up to this one */
static struct prng prng;

static void fill_op(uint32_t i, uint64_t id)
{
	memset(&ops[i], 0, sizeof(ops[i]));
	ids[i] = id;
	ops[i].key = &ids[i];
	ops[i].key_len = sizeof(ids[i]);
	ops[i].buf = memory + i * value_bytes;
	ops[i].value_len = ops[i].capacity = value_bytes;
}

static void put(uint32_t n)
{
	if (n && weir_store_put_many(store, ops, n))
		errx(1, "%s", weir_error());
}

static uint64_t zipf_next(void)
{
	double at = prng_unit(&prng);
	uint64_t from = 0, to = keys - 1;

	while (from < to) {
		uint64_t middle = (from + to) / 2;

		if (below[middle] < at)
			from = middle + 1;
		else
			to = middle;
	}
	return from;
}

static void zipf_make(void)
{
	double sum = 0;

	below = calloc(keys, sizeof(*below));
	if (!below)
		err(1, "keys");
	for (uint64_t i = 0; i < keys; i++)
		below[i] = sum += 1 / (double)(i + 1);
	for (uint64_t i = 0; i < keys; i++)
		below[i] /= sum;
}

static bool zipf_has(const uint64_t *list, uint32_t n, uint64_t id)
{
	for (uint32_t i = 0; i < n; i++)
		if (list[i] == id)
			return true;
	return false;
}

/* Asks for DEPTH keys, and puts those that are not there. Returns how many these are. */
static uint32_t zipf_step(void)
{
	uint64_t missing[DEPTH] = { 0 };
	uint32_t n = 0;

	for (uint32_t i = 0; i < DEPTH; i++)
		fill_op(i, zipf_next());
	if (weir_store_get_many(store, ops, DEPTH))
		errx(1, "%s", weir_error());
	for (uint32_t i = 0; i < DEPTH; i++)
		if (ops[i].result == -ENOENT && !zipf_has(missing, n, ids[i]))
			missing[n++] = ids[i];
	for (uint32_t i = 0; i < n; i++)
		fill_op(i, missing[i]);
	put(n);
	return n;
}

static void print(void)
{
	struct weir_store_stats s = WEIR_STORE_STATS_INIT;

	if (weir_store_sync(store) || weir_store_get_stats(store, &s))
		errx(1, "%s", weir_error());
	printf("{\"put_bytes\":%llu,\"written_bytes\":%llu,\"write_amplification\":%.4f,"
	       "\"survivor_bytes\":%llu,\"evicted_entries\":%llu,\"gets\":%llu,\"hits\":%llu}\n",
	       (unsigned long long)s.put_bytes, (unsigned long long)s.written_bytes,
	       (double)s.written_bytes / (double)s.put_bytes, (unsigned long long)s.survivor_bytes,
	       (unsigned long long)s.evicted_entries, (unsigned long long)s.gets,
	       (unsigned long long)s.hits);
}

static void run(const char *pattern, uint64_t puts)
{
	bool overwrite = !strcmp(pattern, "overwrite");

	for (uint64_t done = 0; done < puts;) {
		if (!strcmp(pattern, "zipf")) {
			done += zipf_step();
			continue;
		}
		for (uint32_t i = 0; i < DEPTH; i++, done++)
			fill_op(i, overwrite ? prng_below(&prng, keys) : done);
		put(DEPTH);
	}
}

int main(int argc, char **argv)
{
	struct weir_store_opts opts = WEIR_STORE_OPTS_INIT;
	struct weir_store_info info = WEIR_STORE_INFO_INIT;

	if (argc < 5)
		errx(2, "usage: weir-bench-wear PATH unique|overwrite|zipf VALUE_BYTES PUT_BYTES "
			"[ENGINE]");
	value_bytes = strtoull(argv[3], NULL, 10);
	memory = aligned_alloc(4096, DEPTH * value_bytes);
	opts.attach = 1;
	opts.engine = argc > 5 ? argv[5] : NULL;
	opts.control = WEIR_CONTROL_OFF;
	if (!memory || weir_store_open(&store, argv[1], &opts) || weir_store_get_info(store, &info))
		errx(1, "%s", weir_error());
	keys = info.capacity_bytes / value_bytes;
	keys = strcmp(argv[2], "zipf") ? keys / 2 : keys * 2;
	memset(memory, 0x5a, DEPTH * value_bytes);
	prng_seed(&prng, 1);
	zipf_make();
	run(argv[2], strtoull(argv[4], NULL, 10) / value_bytes);
	print();
	free(below);
	free(memory);
	return weir_store_close(store) ? 1 : 0;
}
