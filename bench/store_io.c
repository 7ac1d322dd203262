/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store_io.c - measures how much the store moves: puts, then gets in random order, with put_many
 * and get_many and DEPTH values in each call, on one thread, from registered buffers.
 *
 *   weir-bench-store PATH VALUE_BYTES TOTAL_BYTES DEPTH [ENGINE]
 *
 * PATH must hold a store (weir format). Values are distinct and cannot be compressed; the store
 * checks every get as always. The puts end with a sync, which is counted. Prints one JSON line with
 * MB/s (10^6) of payload.
 */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <weir/weir.h>

#include "base/clock.h"

struct key {
	char text[24];
};

static struct weir_store *store;
static struct weir_store_op *ops;
static struct key *keys;
static char *values;
static uint32_t depth;

static uint64_t mix(uint64_t x)
{
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ull;
	x = (x ^ x >> 27) * 0x94d049bb133111ebull;
	return x ^ x >> 31;
}

static void prepare(unsigned slot, uint64_t id, uint64_t value_bytes)
{
	int n = snprintf(keys[slot].text, sizeof(keys[slot].text), "key-%llu",
			 (unsigned long long)id);

	memset(&ops[slot], 0, sizeof(ops[slot]));
	ops[slot].key = keys[slot].text;
	ops[slot].key_len = (uint32_t)n;
	ops[slot].buf = values + slot * value_bytes;
	ops[slot].value_len = value_bytes;
	ops[slot].capacity = value_bytes;
}

/* Goes through all ids, in ORDER or (NULL) ascending, `depth` of them in each call. */
static double run(uint64_t count, uint64_t value_bytes, int put, const uint64_t *order)
{
	double before = clock_seconds();

	for (uint64_t at = 0; at < count; at += depth) {
		unsigned n = count - at < depth ? (unsigned)(count - at) : depth;

		for (unsigned i = 0; i < n; i++) {
			prepare(i, order ? order[at + i] : at + i, value_bytes);
			if (put) /* one word is enough to make a value distinct */
				memcpy(values + i * value_bytes, &(uint64_t){ at + i }, 8);
		}
		if (put ? weir_store_put_many(store, ops, n) : weir_store_get_many(store, ops, n))
			errx(1, "%s", weir_error());
		for (unsigned i = 0; i < n; i++)
			if (ops[i].result)
				errx(1, "%s: %s", keys[i].text, strerror(-ops[i].result));
	}
	if (put && weir_store_sync(store))
		errx(1, "%s", weir_error());
	return (double)(count * value_bytes) / (clock_seconds() - before) / 1e6;
}

static uint64_t *shuffled(uint64_t count)
{
	uint64_t *order = calloc(count, sizeof(*order));

	if (!order)
		err(1, "order");
	for (uint64_t i = 0; i < count; i++) {
		uint64_t j = mix(i) % (i + 1);

		order[i] = order[j];
		order[j] = i;
	}
	return order;
}

int main(int argc, char **argv)
{
	struct weir_store_opts opts = WEIR_STORE_OPTS_INIT;
	uint64_t value_bytes, count, *order;
	double put, get;

	if (argc < 5)
		errx(2, "usage: weir-bench-store PATH VALUE_BYTES TOTAL_BYTES DEPTH [ENGINE]");
	value_bytes = strtoull(argv[2], NULL, 10);
	count = strtoull(argv[3], NULL, 10) / value_bytes;
	opts.attach = 1;
	depth = (uint32_t)atoi(argv[4]);
	opts.depth = depth;
	opts.engine = argc > 5 ? argv[5] : NULL;
	values = aligned_alloc(4096, depth * value_bytes);
	ops = calloc(depth, sizeof(*ops));
	keys = calloc(depth, sizeof(*keys));
	order = shuffled(count);
	if (!values || !ops || !keys)
		errx(1, "no memory for %u values", depth);
	for (uint64_t i = 0; i < depth * value_bytes / 8; i++)
		((uint64_t *)values)[i] = mix(i);
	if (weir_store_open(&store, argv[1], &opts))
		errx(1, "%s", weir_error());
	/* As fio's --fixedbufs. If the kernel refuses some of it (RLIMIT_MEMLOCK), that costs a
	 * little speed. */
	(void)weir_queue_register(weir_store_queue(store), values, depth * value_bytes);
	put = run(count, value_bytes, 1, NULL);
	get = run(count, value_bytes, 0, order);
	if (weir_store_close(store))
		errx(1, "%s", weir_error());
	printf("{\"put_mbps\":%.1f,\"get_mbps\":%.1f}\n", put, get);
	free(order);
	free(values);
	free(ops);
	free(keys);
	return 0;
}
