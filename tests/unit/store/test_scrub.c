/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_scrub.c - a scrub finds values that do not verify, drops them so that nothing older comes
 * back, and leaves alone what it could not read or what has changed.
 */
#include <errno.h>
#include <unistd.h>

#include "memdisk.h"
#include "store/scrub_step.h"

#define IMAGE (2u << 20)
#define SEGMENT (64u << 10)
#define KEYS 40u
#define LENGTH 6000u

static struct rig rig = { .engine = "posix" };

static int set_up(void **state)
{
	(void)state;
	memdisk_set_up(&rig, IMAGE, SEGMENT, 3);
	for (uint64_t key = 0; key < KEYS; key++)
		assert_int_equal(rig_put(&rig, key, 1, LENGTH, 0), 0);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	memdisk_tear_down(&rig);
	return 0;
}

static uint64_t offset_in(struct weir_store *s, uint64_t key)
{
	const struct layout *l = s->io.lay;
	struct index_value value;
	uint64_t hash[2];

	assert_int_equal(weir_store_hash(s, &key, sizeof(key), hash), 0);
	assert_true(logs_find(s->logs, hash, &value));
	return l->data_offset + (value.position << l->block_shift);
}

static uint64_t offset_of(uint64_t key)
{
	return offset_in(rig.s, key);
}

static struct weir_scrub_result scrub(void)
{
	struct weir_scrub_result result = WEIR_SCRUB_RESULT_INIT;

	assert_int_equal(weir_store_scrub(rig.s, NULL, &result), 0);
	return result;
}

static uint32_t reason(uint64_t key)
{
	struct weir_store_why why = WEIR_STORE_WHY_INIT;

	assert_int_equal(weir_store_get_why(rig.s, &key, sizeof(key), &why), 0);
	return why.there ? 0 : why.reason;
}

static void drops_what_is_damaged(void **state)
{
	struct weir_scrub_result result;
	struct weir_store_stats stats;

	(void)state;
	assert_int_equal(rig_put(&rig, 7, 2, LENGTH, 0), 0);
	result = scrub();
	assert_int_equal(result.values, KEYS);
	assert_int_equal(result.bytes, KEYS * LENGTH);
	assert_int_equal(result.damaged + result.dropped + result.read_errors, 0);
	memdisk.now[offset_of(7) + LENGTH - 1] ^= 1;
	result = scrub();
	assert_true(result.damaged == 1 && result.dropped == 1 && !result.read_errors);
	assert_int_equal(rig_get(&rig, 7, 2, LENGTH), -ENOENT);
	assert_int_equal(reason(7), WEIR_LEAVE_DAMAGED);
	rig_stats(&rig, &stats);
	assert_true(stats.scrub_passes == 2 && stats.scrub_damaged == 1 &&
		    stats.scrub_dropped == 1);
	assert_int_equal(stats.scrub_bytes, 2 * KEYS * LENGTH);
	assert_int_equal(stats.deletes, 0);
	/* Neither the damaged version nor the one before comes back. */
	assert_int_equal(memdisk_reopen(&rig), 0);
	assert_int_equal(rig_get(&rig, 7, 2, LENGTH), -ENOENT);
	for (uint64_t key = 0; key < KEYS; key++)
		assert_int_equal(rig_get(&rig, key, 1, LENGTH), key == 7 ? -ENOENT : 1);
	assert_int_equal(scrub().values, KEYS - 1);
}

static void keeps_what_it_cannot_read(void **state)
{
	struct weir_scrub_result result;

	(void)state;
	memdisk.fail_op = WEIR_OP_READ;
	memdisk.fail_from = offset_of(9);
	memdisk.fail_to = memdisk.fail_from + 4096;
	memdisk.fails = 1;
	result = scrub();
	assert_true(!memdisk.fails && !result.read_errors && result.values == KEYS);
	memdisk.fails = 2;
	result = scrub();
	assert_true(!memdisk.fails && result.read_errors == 1 && result.values == KEYS - 1);
	assert_true(!result.damaged && !result.dropped);
	assert_int_equal(rig_get(&rig, 9, 1, LENGTH), 1);
	/* One read that brought other bytes is not enough, either. */
	memdisk.lost_length = 8192;
	memdisk.lost = 1;
	result = scrub();
	assert_true(!memdisk.lost && !result.damaged && result.values == KEYS);
}

static uint64_t failing; /* where the value lies whose next read brings no data */

/* Loses the read after one that has failed. */
static void lose_next(const struct weir_cmd *cmd, int ended)
{
	if (ended || cmd->op != WEIR_OP_READ || cmd->offset != failing || !cmd->result)
		return;
	memdisk.lost_length = cmd->length;
	memdisk.lost = 1;
}

/* A read that failed does not count as one that brought other bytes: two of these are needed. */
static void a_failed_read_is_no_damage(void **state)
{
	struct weir_scrub_result result;

	(void)state;
	failing = offset_of(9);
	memdisk.fail_op = WEIR_OP_READ;
	memdisk.fail_from = failing;
	memdisk.fail_to = failing + 4096;
	memdisk.fails = 1;
	memdisk.watch = lose_next;
	result = scrub();
	memdisk.watch = NULL;
	assert_true(!memdisk.fails && !memdisk.lost);
	assert_true(!result.damaged && !result.dropped && !result.read_errors);
	assert_int_equal(result.values, KEYS);
	assert_int_equal(rig_get(&rig, 9, 1, LENGTH), 1);
	/* Damage is found behind a failed read, too. */
	memdisk.now[failing] ^= 1;
	memdisk.fails = 1;
	result = scrub();
	assert_true(!memdisk.fails && result.damaged == 1 && result.dropped == 1);
}

/* A put that came between reading and dropping stays. */
static void keeps_a_newer_value(void **state)
{
	static uint8_t value[LENGTH];
	uint64_t key = 5;
	struct scrub_step step = { .key = &key, .key_len = sizeof(key), .room = 8192 };
	struct weir_store_op put = { .kind = WEIR_STORE_PUT,
				     .key = &key,
				     .key_len = sizeof(key),
				     .value = value,
				     .value_len = LENGTH };

	(void)state;
	assert_int_equal(posix_memalign((void **)&step.buf, 4096, step.room), 0);
	assert_int_equal(weir_store_hash(rig.s, &key, sizeof(key), step.hash), 0);
	assert_int_equal(scrub_step_read(rig.s, &step), 0);
	rig_value(key, 2, value, LENGTH);
	assert_int_equal(weir_store_submit(rig.s, &put), 0);
	assert_int_equal(scrub_step_drop(rig.s, &step), -EAGAIN);
	assert_int_equal(weir_store_wait(rig.s, &put, UINT64_MAX), 0);
	assert_int_equal(scrub_step_drop(rig.s, &step), -EAGAIN);
	assert_int_equal(rig_get(&rig, key, 2, LENGTH), 1);
	/* What is still there is dropped. */
	assert_int_equal(scrub_step_read(rig.s, &step), 0);
	assert_int_equal(scrub_step_drop(rig.s, &step), 0);
	assert_int_equal(scrub_step_drop(rig.s, &step), -EAGAIN);
	assert_int_equal(rig_get(&rig, key, 2, LENGTH), -ENOENT);
	free(step.buf);
}

/* A store that nobody uses is scrubbed at full speed. While a get is under way, and after others
 * have been, the scrub waits after each value; but it goes on to the end. */
static void gives_way(void **state)
{
	static uint8_t value[2 * 8192] __attribute__((aligned(4096)));
	uint64_t long_key = 1000, key = 3;
	struct weir_store_op get = { .kind = WEIR_STORE_GET,
				     .key = &long_key,
				     .key_len = sizeof(long_key),
				     .buf = value,
				     .capacity = sizeof(value) };
	struct weir_scrub_result result;
	struct weir_store_stats stats;

	(void)state;
	assert_int_equal(rig_put(&rig, long_key, 1, 12000, 0), 0);
	result = scrub();
	assert_true(!result.slowed && result.values == KEYS + 1);
	/* mq-deadline would keep the scrub's reads back for 10 s each while a get is under way. */
	assert_int_equal(weir_queue_set(rig.queue, "scheduler", "none"), 0);
	memdisk.hold_length = 12288;
	memdisk.hold_buf = value;
	assert_int_equal(weir_store_submit(rig.s, &get), 0);
	result = scrub();
	assert_true(result.values == KEYS + 1 && result.slowed == result.values);
	memdisk.hold_length = 0;
	assert_int_equal(weir_store_wait(rig.s, &get, UINT64_MAX), 0);
	result = scrub();
	assert_int_equal(result.slowed, 0);
	rig_stats(&rig, &stats);
	assert_int_equal(stats.scrub_slowed, KEYS + 1);
	assert_int_equal(rig_get(&rig, key, 1, LENGTH), 1);
}

/* Called after each value: a program goes on to use the store. */
static void use(void *user, uint64_t done, uint64_t total)
{
	unsigned *times = user;

	(void)done;
	(void)total;
	if (++*times % 2)
		assert_int_equal(rig_get(&rig, *times % KEYS, 1, LENGTH), 1);
}

/* Gets that come and go between the values count as well. */
static void gives_way_to_short_gets(void **state)
{
	struct weir_scrub_opts opts = WEIR_SCRUB_OPTS_INIT;
	struct weir_scrub_result result = WEIR_SCRUB_RESULT_INIT;
	unsigned times = 0;

	(void)state;
	opts.progress = use;
	opts.user = &times;
	assert_int_equal(weir_store_scrub(rig.s, &opts, &result), 0);
	assert_int_equal(times, KEYS);
	assert_true(result.slowed == KEYS / 2 && result.values == KEYS);
}

#define LAST 400u /* keys in use_and_evict() */
#define BAD(key) ((key) % 9 == 4)

/* Called after each value: others read keys, damaged ones too, and put new ones, for which old ones
 * leave. */
static void use_and_evict(void *user, uint64_t done, uint64_t total)
{
	uint64_t *next = user, read = rig_random(&memdisk.state) % *next;
	int got = rig_get(&rig, read, 1, LENGTH);

	(void)done;
	(void)total;
	assert_true(got == 1 || got == -ENOENT || (got == -EBADMSG && BAD(read)));
	if (*next < LAST)
		assert_int_equal(rig_put(&rig, (*next)++, 1, LENGTH, 0), 0);
}

/* Scrubs again, into AGAIN, when no entry leaves any more: a store may still reclaim behind its
 * last put. STATS are those of before and after. */
static void scrub_when_quiet(struct weir_scrub_result *again, struct weir_store_stats *stats)
{
	struct weir_store_stats before;

	for (unsigned turn = 0; turn < 100; turn++) {
		rig_stats(&rig, &before);
		*again = scrub();
		rig_stats(&rig, stats);
		if (before.inline_reclaims == stats->inline_reclaims &&
		    before.background_reclaims == stats->background_reclaims &&
		    before.entries == stats->entries)
			return;
	}
	fail_msg("entries leave without an end");
}

/* Each damaged entry is dropped and counted once, or leaves before the scrub comes to it; no good
 * one is dropped. */
static void beside_readers_and_evictions(void **state)
{
	struct weir_scrub_opts opts = WEIR_SCRUB_OPTS_INIT;
	struct weir_scrub_result result = WEIR_SCRUB_RESULT_INIT, again;
	struct weir_store_stats stats;
	uint64_t next = KEYS, damaged = 0, dropped = 0;

	(void)state;
	for (; next < LAST / 2; next++)
		assert_int_equal(rig_put(&rig, next, 1, LENGTH, 0), 0);
	for (uint64_t key = 0; key < next; key++) {
		if (!BAD(key) || weir_store_exists(rig.s, &key, sizeof(key), NULL))
			continue;
		memdisk.now[offset_of(key) + key] ^= 1;
		damaged++;
	}
	opts.progress = use_and_evict;
	opts.user = &next;
	assert_int_equal(weir_store_scrub(rig.s, &opts, &result), 0);
	scrub_when_quiet(&again, &stats);
	for (uint64_t key = 0; key < next; key++) {
		dropped += reason(key) == WEIR_LEAVE_DAMAGED;
		assert_true(BAD(key) || reason(key) != WEIR_LEAVE_DAMAGED);
		if (!reason(key))
			assert_int_equal(rig_get(&rig, key, 1, LENGTH), 1);
	}
	assert_true(result.dropped > 0 && stats.evicted_entries > 0 && result.slowed > 0);
	/* One that leaves between the scrub's reads and its tombstone is not dropped. */
	assert_true(result.damaged >= result.dropped);
	assert_true(!again.damaged && !again.dropped && again.values == stats.entries);
	assert_int_equal(stats.scrub_dropped, result.dropped);
	assert_int_equal(dropped, result.dropped + stats.damaged_entries);
	assert_true(dropped <= damaged);
	rig_check_counts(rig.s);
}

static struct rig own = { .engine = "posix" };

static void open_own(uint32_t attach, uint64_t rate, uint32_t read_only)
{
	struct weir_store_opts opts = WEIR_STORE_OPTS_INIT;

	opts.engine = own.engine;
	opts.attach = attach;
	opts.read_only = read_only;
	opts.scrub_bytes_per_second = rate;
	assert_int_equal(weir_store_open(&own.s, own.path, &opts), 0);
}

/* The store's own thread finds damage, in a store with a worker and in one whose owner polls. */
static void in_the_background(void **state)
{
	struct weir_store_stats stats;
	uint64_t damaged;

	(void)state;
	rig_make(&own, IMAGE, SEGMENT, 4096);
	for (uint32_t attach = 0; attach < 2; attach++) {
		open_own(attach, 0, 0);
		for (uint64_t key = 0; key < KEYS; key++)
			assert_int_equal(rig_put(&own, key, 1, LENGTH, 0), 0);
		damaged = offset_in(own.s, 3);
		rig_close(&own);
		rig_damage(&own, damaged);
		open_own(attach, 1u << 30, 0);
		do {
			rig_stats(&own, &stats);
			usleep(1000);
		} while (!stats.scrub_passes);
		assert_true(stats.scrub_damaged == 1 && stats.scrub_dropped == 1);
		assert_int_equal(stats.entries, KEYS - 1);
		assert_int_equal(rig_get(&own, 3, 1, LENGTH), -ENOENT);
		rig_close(&own);
	}
	rig_remove(&own);
}

/* A store that is closed in the middle of a slow pass does not wait for its end. */
static void closed_meanwhile(void **state)
{
	(void)state;
	rig_make(&own, IMAGE, SEGMENT, 4096);
	for (uint32_t attach = 0; attach < 2; attach++) {
		open_own(attach, 1, 0);
		assert_int_equal(rig_put(&own, 1, 1, LENGTH, 0), 0);
		assert_int_equal(rig_put(&own, 2, 1, LENGTH, 0), 0);
		rig_close(&own);
		open_own(attach, 1, 0);
		rig_close(&own);
	}
	rig_remove(&own);
}

static void read_only_counts(void **state)
{
	struct weir_scrub_result result = WEIR_SCRUB_RESULT_INIT;

	(void)state;
	rig_make(&own, IMAGE, SEGMENT, 4096);
	open_own(1, 0, 0);
	assert_int_equal(rig_put(&own, 1, 1, LENGTH, 0), 0);
	rig_close(&own);
	rig_damage(&own, rig_find(&own, "weirBAT1", 65536 + 4096, SEGMENT) + 4096 + 10);
	open_own(1, 0, 1);
	assert_int_equal(weir_store_scrub(own.s, NULL, &result), 0);
	assert_true(result.damaged == 1 && !result.dropped);
	assert_int_equal(weir_store_exists(own.s, &(uint64_t){ 1 }, 8, NULL), 0);
	rig_remove(&own);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(drops_what_is_damaged, set_up, tear_down),
		cmocka_unit_test_setup_teardown(keeps_what_it_cannot_read, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_failed_read_is_no_damage, set_up, tear_down),
		cmocka_unit_test_setup_teardown(keeps_a_newer_value, set_up, tear_down),
		cmocka_unit_test_setup_teardown(gives_way, set_up, tear_down),
		cmocka_unit_test_setup_teardown(gives_way_to_short_gets, set_up, tear_down),
		cmocka_unit_test_setup_teardown(beside_readers_and_evictions, set_up, tear_down),
		cmocka_unit_test(in_the_background),
		cmocka_unit_test(closed_meanwhile),
		cmocka_unit_test(read_only_counts),
	};

	return cmocka_run_group_tests_name("store_scrub", tests, NULL, NULL);
}
