/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_model.c - 10,000 random operations agree with an array, with close and reopen in between.
 *
 * It runs with every engine that works here and with several block and segment sizes. If the image
 * holds all keys there is never a miss. If it does not, there may be only as many misses as the
 * store says that it evicted entries. Of an image that holds them with little room to spare, many
 * segments are reclaimed before all their entries are superseded, so these are appended again.
 */
#include <errno.h>
#include <stdio.h>

#include "rig.h"

#define KEYS 400u
#define OPERATIONS 10000u
#define RUN_MAX 16u
#define VALUE_MAX 20000u

struct model_key {
	int present;
	uint64_t version;
	size_t length;
};

struct run {
	struct rig rig;
	struct model_key key[KEYS];
	uint64_t state, version;
	size_t value_max;
	unsigned operations;
	uint64_t missed;    /* misses of keys that should be there */
	uint64_t evicted;   /* evictions before the last open */
	uint64_t survivors; /* entries that were appended again before the last open */
	int never_misses;
};

struct combination {
	const char *engine;
	uint64_t bytes, segment_bytes;
	uint32_t block_bytes;
	size_t value_max;
	int never_misses;
	uint32_t attach;
	int survives; /* entries are appended again, because garbage must be reclaimed */
};

static uint8_t values[RUN_MAX][VALUE_MAX] __attribute__((aligned(4096)));

static size_t any_length(struct run *run)
{
	/* Lengths are mostly short, and on both sides of a block's end. */
	if (rig_random(&run->state) % 4)
		return 1 + rig_random(&run->state) % 600;
	return 1 + rig_random(&run->state) % run->value_max;
}

static void missed(struct run *run, struct model_key *k)
{
	struct weir_store_stats stats;

	assert_false(run->never_misses);
	k->present = 0;
	run->missed++;
	rig_stats(&run->rig, &stats);
	assert_true(run->missed <= run->evicted + stats.evicted_entries);
}

static void do_put(struct run *run, uint64_t key)
{
	struct model_key *k = &run->key[key];

	*k = (struct model_key){ 1, ++run->version, any_length(run) };
	assert_int_equal(rig_put(&run->rig, key, k->version, k->length,
				 rig_random(&run->state) % 16 ? 0 : WEIR_PUT_DURABLE),
			 0);
}

static void do_get(struct run *run, uint64_t key)
{
	struct model_key *k = &run->key[key];
	int err = rig_get(&run->rig, key, k->version, k->length);

	if (k->present && err == -ENOENT)
		missed(run, k);
	else
		assert_int_equal(err, k->present ? 1 : -ENOENT);
}

static void do_delete(struct run *run, uint64_t key)
{
	struct model_key *k = &run->key[key];
	int err = rig_delete(&run->rig, key, 0);

	if (k->present && err == -ENOENT)
		missed(run, k);
	else
		assert_int_equal(err, k->present ? 0 : -ENOENT);
	k->present = 0;
}

/* Runs several puts and deletes at once, also of the same keys: the last one counts. */
static void do_run(struct run *run)
{
	struct weir_store_op ops[RUN_MAX];
	uint64_t keys[RUN_MAX];
	size_t n = 1 + rig_random(&run->state) % RUN_MAX, i;

	run->operations += (unsigned)n - 1;
	memset(ops, 0, sizeof(ops));
	for (i = 0; i < n; i++) {
		struct model_key *k;

		keys[i] = rig_random(&run->state) % KEYS;
		k = &run->key[keys[i]];
		ops[i].key = &keys[i];
		ops[i].key_len = sizeof(keys[i]);
		ops[i].kind = rig_random(&run->state) % 5 ? WEIR_STORE_PUT : WEIR_STORE_DELETE;
		k->present = 0;
		if (ops[i].kind == WEIR_STORE_DELETE)
			continue;
		*k = (struct model_key){ 1, ++run->version, any_length(run) };
		rig_value(keys[i], k->version, values[i], k->length);
		ops[i].value = values[i];
		ops[i].value_len = k->length;
	}
	weir_store_run(run->rig.s, ops, n);
	for (i = 0; i < n; i++)
		assert_true(!ops[i].result ||
			    (ops[i].kind == WEIR_STORE_DELETE && ops[i].result == -ENOENT));
}

static void do_reopen(struct run *run)
{
	struct weir_store_stats stats;
	uint64_t entries;

	rig_check_counts(run->rig.s);
	rig_stats(&run->rig, &stats);
	run->evicted += stats.evicted_entries;
	run->survivors += stats.survivors;
	entries = stats.entries;
	rig_close(&run->rig);
	rig_open(&run->rig);
	rig_check_counts(run->rig.s);
	rig_stats(&run->rig, &stats);
	assert_int_equal(stats.recovered_open_segments, 0);
	assert_int_equal(stats.recovered_bad_headers, 0);
	/* Closing waits for a reclaim that is under way, and that evicts. */
	assert_true(stats.entries <= entries);
	if (run->never_misses)
		assert_int_equal(stats.entries, entries);
	run->evicted += entries - stats.entries;
}

static void step(struct run *run)
{
	uint64_t dice = rig_random(&run->state) % 1000;
	uint64_t key = rig_random(&run->state) % KEYS;

	if (dice < 2)
		do_reopen(run);
	else if (dice < 200)
		do_run(run);
	else if (dice < 400)
		do_put(run, key);
	else if (dice < 500)
		do_delete(run, key);
	else
		do_get(run, key);
}

/* Gets all keys, and returns how many are there. */
static uint64_t get_all(struct run *run)
{
	uint64_t key, present = 0;

	for (key = 0; key < KEYS; key++) {
		do_get(run, key);
		present += (uint64_t)run->key[key].present;
	}
	return present;
}

static void check_all(struct run *run)
{
	struct weir_store_stats before, stats;
	uint64_t present;

	/* A reclaim that is under way may evict keys that were got already. */
	do {
		rig_stats(&run->rig, &before);
		present = get_all(run);
		rig_stats(&run->rig, &stats);
	} while (stats.evicted_entries != before.evicted_entries);
	assert_int_equal(stats.entries, present);
	assert_int_equal(stats.checksum_errors, 0);
	if (!run->never_misses)
		assert_true(run->missed > 0);
}

static void agrees(void **state)
{
	const struct combination *c = *state;
	struct run *run;

	if (!rig_has(c->engine))
		skip();
	run = calloc(1, sizeof(*run));
	run->rig.engine = c->engine;
	run->rig.attach = c->attach;
	run->state = c->bytes + c->block_bytes;
	run->value_max = c->value_max;
	run->never_misses = c->never_misses;
	rig_make(&run->rig, c->bytes, c->segment_bytes, c->block_bytes);
	rig_open(&run->rig);
	for (; run->operations < OPERATIONS; run->operations++)
		step(run);
	check_all(run);
	do_reopen(run);
	check_all(run);
	if (c->survives)
		assert_true(run->survivors > 100);
	rig_remove(&run->rig);
	free(run);
}

static struct combination combinations[] = {
	{ "posix", 32 << 20, 64 << 10, 512, 15000, 1, 1, 0 },
	{ "uring", 32 << 20, 64 << 10, 512, 15000, 1, 1, 0 },
	{ "posix", 6 << 20, 64 << 10, 4096, 15000, 1, 1, 1 },
	{ "uring", 6 << 20, 64 << 10, 4096, 15000, 1, 1, 1 },
	{ "posix", 2 << 20, 64 << 10, 4096, 15000, 0, 0, 0 },
	{ "uring", 2 << 20, 64 << 10, 4096, 15000, 0, 0, 0 },
	{ "posix", 12 << 20, 1 << 20, 16384, VALUE_MAX, 0, 1, 0 },
	{ "uring", 12 << 20, 1 << 20, 16384, VALUE_MAX, 0, 1, 0 },
};

int main(void)
{
	struct CMUnitTest tests[sizeof(combinations) / sizeof(combinations[0])];
	char names[sizeof(combinations) / sizeof(combinations[0])][64];
	size_t n;

	memset(tests, 0, sizeof(tests));
	for (n = 0; n < sizeof(combinations) / sizeof(combinations[0]); n++) {
		snprintf(names[n], sizeof(names[n]), "%s_%u_%uk%s", combinations[n].engine,
			 combinations[n].block_bytes,
			 (unsigned)(combinations[n].segment_bytes >> 10),
			 combinations[n].survives ? "_survivors" : "");
		tests[n].name = names[n];
		tests[n].test_func = agrees;
		tests[n].initial_state = &combinations[n];
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
