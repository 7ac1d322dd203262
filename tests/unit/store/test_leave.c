/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_leave.c - the keys that leave a store are announced once each, and remembered with the
 * reason, as many as the table holds.
 */
#include <errno.h>

#include "memdisk.h"
#include "store/log/logs.h"
#include "store/store.h"

#define IMAGE (2u << 20)
#define SEGMENT (64u << 10)
#define KEYS 1000u

static struct rig rig = { .engine = "posix" };

/* What the callback saw. */
static struct {
	uint32_t evicted, deleted, others;
	uint64_t last_key, last_hash[2];
	struct weir_store *submit; /* it submits a sync to this store */
} seen;

static struct weir_store_op sync_op;

static void on_change(void *user, const struct weir_store_change *change)
{
	assert_ptr_equal(user, &seen);
	assert_int_equal(change->size, sizeof(*change));
	assert_int_equal(!change->key, !change->key_len);
	seen.evicted += change->reason == WEIR_LEAVE_EVICTED;
	seen.deleted += change->reason == WEIR_LEAVE_DELETED;
	seen.others += change->reason > WEIR_LEAVE_DELETED;
	memcpy(seen.last_hash, change->hash, sizeof(seen.last_hash));
	if (change->key && change->key_len == sizeof(seen.last_key))
		memcpy(&seen.last_key, change->key, sizeof(seen.last_key));
	if (!seen.submit)
		return;
	/* A callback may submit, and must not block. */
	sync_op = (struct weir_store_op){ .kind = WEIR_STORE_SYNC };
	assert_int_equal(weir_store_sync(seen.submit), -EDEADLK);
	assert_int_equal(weir_store_submit(seen.submit, &sync_op), 0);
	seen.submit = NULL;
}

static void open_with(uint32_t ghosts, uint32_t attach)
{
	struct weir_store_opts opts = WEIR_STORE_OPTS_INIT;

	rig_close(&rig);
	memset(&seen, 0, sizeof(seen));
	opts.engine = rig.engine;
	opts.attach = attach;
	opts.ghosts = ghosts;
	opts.changed = on_change;
	opts.changed_user = &seen;
	assert_int_equal(weir_store_open(&rig.s, rig.path, &opts), 0);
}

static int set_up(void **state)
{
	(void)state;
	rig_make(&rig, IMAGE, SEGMENT, 4096);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	rig_remove(&rig);
	return 0;
}

static struct weir_store_why why(uint64_t key)
{
	struct weir_store_why w = WEIR_STORE_WHY_INIT;

	assert_int_equal(weir_store_get_why(rig.s, &key, sizeof(key), &w), 0);
	return w;
}

static void deleted(void **state)
{
	uint64_t key = 1, hash[2];

	(void)state;
	open_with(0, 1);
	assert_int_equal(rig_put(&rig, 1, 1, 5000, 0), 0);
	assert_true(why(1).there && !why(1).reason);
	assert_int_equal(why(1).value_len, 5000);
	assert_true(!why(2).there && !why(2).reason && !why(2).time_ns);
	seen.submit = rig.s;
	assert_int_equal(rig_delete(&rig, 1, 0), 0);
	assert_int_equal(weir_store_wait(rig.s, &sync_op, UINT64_MAX), 0);
	assert_true(!why(1).there && why(1).reason == WEIR_LEAVE_DELETED && why(1).time_ns);
	assert_int_equal(seen.deleted, 1);
	assert_int_equal(seen.last_key, 1);
	assert_int_equal(weir_store_hash(rig.s, &key, sizeof(key), hash), 0);
	assert_memory_equal(seen.last_hash, hash, sizeof(hash));
	/* A delete of a key that is not there announces nothing; neither does a new version. */
	assert_int_equal(rig_delete(&rig, 1, 0), -ENOENT);
	assert_int_equal(rig_put(&rig, 1, 2, 100, 0), 0);
	assert_int_equal(rig_put(&rig, 1, 3, 100, 0), 0);
	assert_int_equal(seen.deleted, 1);
	/* It is there again, and it is known how it left before. */
	assert_true(why(1).there && why(1).reason == WEIR_LEAVE_DELETED);
}

/* Each key that is not there any more was announced once, whichever way its segment was reclaimed:
 * by the footer, or by the whole index. */
static void evicted(void **state)
{
	struct weir_store_stats stats;
	uint32_t gone = 0;

	(void)state;
	open_with(0, 0);
	for (uint64_t key = 0; key < KEYS; key++)
		assert_int_equal(rig_put(&rig, key, 1, 9000, 0), 0);
	for (uint64_t key = 0; key < KEYS; key++) {
		struct weir_store_why w = why(key);

		assert_int_equal(w.there, !w.reason);
		assert_true(w.there || (w.reason == WEIR_LEAVE_EVICTED && w.time_ns));
		gone += !w.there;
	}
	rig_stats(&rig, &stats);
	assert_true(gone > KEYS / 2);
	assert_int_equal(gone, stats.evicted_entries);
	assert_int_equal(gone, seen.evicted);
	assert_int_equal(gone, why(0).noted);
	assert_int_equal(seen.others + seen.deleted, 0);
}

static void swept(void **state)
{
	(void)state;
	memdisk_load(&rig, 4096, 1);
	assert_int_equal(memdisk_open(&rig), 0);
	for (uint64_t key = 0; key < KEYS; key++) {
		memdisk.fail_op = WEIR_OP_READ;
		memdisk.fail_to = memdisk.bytes;
		memdisk.fails = 20;
		assert_int_equal(rig_put(&rig, key, 1, 9000, 0), 0);
	}
	assert_true(why(0).reason == WEIR_LEAVE_EVICTED && why(0).noted > KEYS / 2);
	memdisk.fails = 0;
	assert_int_equal(memdisk_close(&rig), 0);
	memdisk_free();
}

/* A small table forgets the oldest; none remembers nothing. Both announce everything. */
static void bounded(void **state)
{
	uint32_t known = 0;
	struct weir_store_stats stats;

	(void)state;
	open_with(32, 1);
	for (uint64_t key = 0; key < 200; key++) {
		assert_int_equal(rig_put(&rig, key, 1, 10, 0), 0);
		assert_int_equal(rig_delete(&rig, key, 0), 0);
	}
	for (uint64_t key = 0; key < 200; key++)
		known += why(key).reason == WEIR_LEAVE_DELETED;
	assert_true(known >= LEAVE_BUCKET && known <= 32);
	assert_int_equal(why(199).reason, WEIR_LEAVE_DELETED);
	assert_int_equal(why(199).noted, 200);
	rig_stats(&rig, &stats);
	assert_int_equal(stats.ghost_bytes, 32 * sizeof(struct leave_ghost));
	open_with(WEIR_GHOSTS_NONE, 1);
	assert_int_equal(rig_put(&rig, 1, 1, 10, 0), 0);
	assert_int_equal(rig_delete(&rig, 1, 0), 0);
	assert_true(!why(1).reason && !why(1).there && seen.deleted == 1);
	rig_stats(&rig, &stats);
	assert_int_equal(stats.ghost_bytes, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(deleted, set_up, tear_down),
		cmocka_unit_test_setup_teardown(evicted, set_up, tear_down),
		cmocka_unit_test_setup_teardown(swept, set_up, tear_down),
		cmocka_unit_test_setup_teardown(bounded, set_up, tear_down),
	};

	return cmocka_run_group_tests_name("store_leave", tests, NULL, NULL);
}
