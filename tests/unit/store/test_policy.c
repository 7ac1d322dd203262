/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_policy.c - which entries leave a full store: clock keeps what was read, fifo nothing.
 */
#include <errno.h>
#include <unistd.h>

#include "rig.h"

#define SEGMENT (64u << 10)
#define SEGMENTS 64u
#define BLOCK 512u
#define LENGTH 7000u /* 14 blocks and one for the header, so a segment has 8 values */
#define HOT 60u

static struct rig rig = { .engine = "posix", .attach = 1 };

static void make(uint32_t policy, uint32_t percent)
{
	struct weir_store_format_opts opts = WEIR_STORE_FORMAT_OPTS_INIT;

	rig_make(&rig, (SEGMENTS + 2) * SEGMENT, SEGMENT, BLOCK);
	opts.block_bytes = BLOCK;
	opts.segment_bytes = SEGMENT;
	opts.policy = policy;
	opts.rewrite_percent = percent;
	opts.force = 2;
	assert_int_equal(weir_store_format(rig.path, &opts), 0);
	rig_open(&rig);
}

static void put(uint64_t key)
{
	if (rig_put(&rig, key, 1, LENGTH, 0))
		fail_msg("put: %s", weir_error());
}

static unsigned hot_there(void)
{
	unsigned found = 0;

	for (uint64_t key = 0; key < HOT; key++)
		found += !weir_store_exists(rig.s, &key, sizeof(key), NULL);
	return found;
}

/* Puts N cold keys; before every 60th, READS says how the hot ones are read. */
static void flood(uint64_t from, unsigned n, int gets, int exists)
{
	for (uint64_t i = 0; i < n; i++) {
		if (i % 60 == 0)
			for (uint64_t key = 0; key < HOT; key++) {
				if (gets)
					(void)rig_get(&rig, key, 1, LENGTH);
				if (exists)
					(void)weir_store_exists(rig.s, &key, sizeof(key), NULL);
			}
		put(from + i);
	}
}

/* Half of each segment is hot, so the budget suffices for all of them. */
static void put_hot(void)
{
	for (uint64_t key = 0; key < HOT; key++) {
		put(key);
		put(500 + key);
	}
}

static void clock_keeps_what_is_read(void **state)
{
	const int *how = *state;
	struct weir_store_stats stats;

	make(WEIR_POLICY_DEFAULT, 0);
	put_hot();
	flood(1000, 3000, how[0], how[1]);
	rig_stats(&rig, &stats);
	assert_true(stats.evicted_entries > 1500);
	assert_true(stats.survivors >= HOT);
	/* Some leave, where a segment came to hold more hot entries than the budget allows. */
	assert_true(hot_there() > HOT / 2);
	for (uint64_t key = 0; key < HOT; key++)
		if (!weir_store_exists(rig.s, &key, sizeof(key), NULL))
			assert_int_equal(rig_get(&rig, key, 1, LENGTH), 1);
	rig_check_counts(rig.s);
	rig_remove(&rig);
}

/* What was read once stays for one more round of the store, then it leaves. */
static void once_for_each_read(void **state)
{
	struct weir_store_stats stats;

	(void)state;
	make(WEIR_POLICY_CLOCK, 0);
	put_hot();
	for (uint64_t key = 0; key < HOT; key++)
		assert_int_equal(rig_get(&rig, key, 1, LENGTH), 1);
	flood(1000, 2000, 0, 0);
	rig_stats(&rig, &stats);
	assert_int_equal(stats.survivors, HOT);
	assert_int_equal(hot_there(), 0);
	rig_remove(&rig);
}

static void fifo_keeps_nothing(void **state)
{
	struct weir_store_stats stats;

	(void)state;
	make(WEIR_POLICY_FIFO, 0);
	put_hot();
	flood(1000, 2000, 1, 1);
	rig_stats(&rig, &stats);
	assert_int_equal(stats.survivors, 0);
	assert_int_equal(hot_there(), 0);
	rig_remove(&rig);
}

/* If everything is read all the time, the budget limits what is written again, and puts go on. */
static void the_budget_holds(void **state)
{
	const uint32_t *percent = *state;
	struct weir_store_stats stats;
	uint64_t n, key;

	make(WEIR_POLICY_CLOCK, *percent);
	for (n = 0; n < 3000; n++) {
		put(n);
		for (key = n < 600 ? 0 : n - 600; key <= n; key += 1 + n % 4)
			(void)weir_store_exists(rig.s, &key, sizeof(key), NULL);
	}
	rig_stats(&rig, &stats);
	assert_true(stats.survivors > 100);
	assert_true(stats.survivors * 14 * BLOCK <=
		    (stats.evicted_segments + 1) * SEGMENT / 100 * *percent);
	assert_int_equal(rig_get(&rig, 2999, 1, LENGTH), 1);
	rig_remove(&rig);
}

static void the_policy_is_stored(void **state)
{
	struct weir_store_info info = WEIR_STORE_INFO_INIT;
	struct weir_store_opts opts = WEIR_STORE_OPTS_INIT;

	(void)state;
	make(WEIR_POLICY_CLOCK, 40);
	rig_close(&rig);
	rig_open(&rig);
	assert_int_equal(weir_store_get_info(rig.s, &info), 0);
	assert_int_equal(info.policy, WEIR_POLICY_CLOCK);
	assert_int_equal(info.rewrite_percent, 40);
	rig_close(&rig);
	opts.policy = WEIR_POLICY_FIFO;
	assert_int_equal(weir_store_open(&rig.s, rig.path, &opts), 0);
	assert_int_equal(weir_store_get_info(rig.s, &info), 0);
	assert_int_equal(info.policy, WEIR_POLICY_FIFO);
	assert_int_equal(info.rewrite_percent, 0);
	rig_close(&rig);
	rig_open(&rig);
	assert_int_equal(weir_store_get_info(rig.s, &info), 0);
	assert_int_equal(info.rewrite_percent, 40);
	rig_remove(&rig);
	make(0, 0);
	assert_int_equal(weir_store_get_info(rig.s, &info), 0);
	assert_int_equal(info.policy, WEIR_POLICY_CLOCK);
	assert_int_equal(info.rewrite_percent, 75);
	rig_close(&rig);
	opts.policy = 3;
	assert_int_equal(weir_store_open(&rig.s, rig.path, &opts), -EINVAL);
	assert_non_null(strstr(weir_error(), "no such eviction policy: 3"));
	opts.policy = 0;
	opts.rewrite_percent = 91;
	assert_int_equal(weir_store_open(&rig.s, rig.path, &opts), -EINVAL);
	assert_non_null(strstr(weir_error(), "at most 90 %"));
	rig.s = NULL;
	rig_remove(&rig);
}

/* Where entries must leave, a stream that has more than its share loses them first, however old
 * those of others are. Until then it may have all the space. */
static void over_its_share_first(void **state)
{
	const uint32_t *share = *state;
	struct weir_store_stream info = WEIR_STORE_STREAM_INIT;
	uint32_t a, b;
	uint64_t key, found = 0;

	make(WEIR_POLICY_FIFO, 0);
	assert_int_equal(weir_store_add_tenant(rig.s, "a", &a), 1);
	assert_int_equal(weir_store_add_tenant(rig.s, "b", &b), 1);
	assert_int_equal(weir_store_set_share(rig.s, a, *share), 0);
	rig_close(&rig);
	rig_open(&rig);
	for (key = 0; key < 100; key++)
		assert_int_equal(rig_put(&rig, key, 1, LENGTH, RIG_STREAM(b)), 0);
	for (; key < 2000; key++)
		assert_int_equal(rig_put(&rig, key, 1, LENGTH, RIG_STREAM(a)), 0);
	for (key = 0; key < 100; key++)
		found += !weir_store_exists(rig.s, &key, sizeof(key), NULL);
	/* Without a share only what is in the open segment of b stays. */
	assert_true(*share ? found == 100 : found <= 8);
	assert_int_equal(weir_store_get_stream(rig.s, a, &info), 0);
	assert_int_equal(info.share, *share);
	/* What the others do not need is lent. */
	assert_true(info.segments > SEGMENTS / 2);
	assert_int_equal(weir_store_set_share(rig.s, 9, 30), -ENOENT);
	assert_int_equal(weir_store_set_share(rig.s, a, 101), -EINVAL);
	rig_remove(&rig);
}

int main(void)
{
	static int gets[] = { 1, 0 }, exists[] = { 0, 1 };
	static uint32_t quarter = 25, most = 75, fifth = 20, none = 0;
	const struct CMUnitTest tests[] = {
		{ "clock_keeps_what_is_read", clock_keeps_what_is_read, NULL, NULL, gets },
		{ "clock_keeps_what_exists_found", clock_keeps_what_is_read, NULL, NULL, exists },
		cmocka_unit_test(once_for_each_read),
		cmocka_unit_test(fifo_keeps_nothing),
		{ "the_budget_holds_25", the_budget_holds, NULL, NULL, &quarter },
		{ "the_budget_holds_75", the_budget_holds, NULL, NULL, &most },
		cmocka_unit_test(the_policy_is_stored),
		{ "over_its_share_first", over_its_share_first, NULL, NULL, &fifth },
		{ "without_a_share", over_its_share_first, NULL, NULL, &none },
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
