/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_streams.c - tenants and their streams: which stream a key goes to, and what survives.
 */
#include <errno.h>
#include <stdio.h>

#include "rig.h"

#define IMAGE (5u << 19)
#define SEGMENT (64u << 10)

static struct rig rig;
static uint64_t seed;

static int setup(void **state)
{
	(void)state;
	memset(&rig, 0, sizeof(rig));
	rig.engine = "posix";
	rig_make(&rig, IMAGE, SEGMENT, 4096);
	seed = 1;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	rig_remove(&rig);
	return 0;
}

static uint32_t tenant(const char *name)
{
	uint32_t stream;

	if (weir_store_add_tenant(rig.s, name, &stream) < 0)
		fail_msg("tenant %s: %s", name, weir_error());
	return stream;
}

static struct weir_store_stream stream_info(uint32_t stream)
{
	struct weir_store_stream info = WEIR_STORE_STREAM_INIT;

	assert_int_equal(weir_store_get_stream(rig.s, stream, &info), 0);
	return info;
}

static void tenants_keep_their_streams(void **state)
{
	struct weir_store_tenant row = WEIR_STORE_TENANT_INIT;
	struct weir_store_info info = WEIR_STORE_INFO_INIT;
	uint32_t again;

	(void)state;
	rig_open(&rig);
	assert_int_equal(tenant("a"), 1);
	assert_int_equal(tenant("b"), 2);
	assert_int_equal(tenant("a"), 1);
	assert_int_equal(weir_store_add_tenant(rig.s, "c", &again), 1);
	assert_int_equal(again, 3);
	assert_int_equal(rig_put(&rig, 1, 1, 5000, RIG_STREAM(2)), 0);
	rig_close(&rig);
	rig_open(&rig);
	assert_int_equal(weir_store_add_tenant(rig.s, "b", &again), 0);
	assert_int_equal(again, 2);
	assert_int_equal(tenant("a"), 1);
	weir_store_get_info(rig.s, &info);
	assert_int_equal(info.streams, 4);
	assert_int_equal(info.tenants, 3);
	assert_int_equal(weir_store_get_tenant(rig.s, 1, &row), 0);
	assert_string_equal(row.name, "b");
	assert_int_equal(row.stream, 2);
	assert_int_equal(weir_store_get_tenant(rig.s, 3, &row), -ENOENT);
	assert_int_equal(stream_info(2).entries, 1);
	assert_int_equal(stream_info(2).live_bytes, 5000);
	assert_int_equal(stream_info(2).tenants, 1);
	assert_int_equal(stream_info(2).placement, -1);
	assert_int_equal(stream_info(0).entries, 0);
}

/* Each superblock copy knows the tenants. */
static void both_superblocks_know(void **state)
{
	uint64_t at[2] = { 0, IMAGE - (64 << 10) };

	(void)state;
	rig_open(&rig);
	assert_int_equal(tenant("a"), 1);
	assert_int_equal(rig_put(&rig, 1, 1, 5000, RIG_STREAM(1)), 0);
	rig_close(&rig);
	for (int copy = 0; copy < 2; copy++) {
		rig_damage(&rig, at[copy] + 3000);
		rig_open(&rig);
		assert_int_equal(tenant("a"), 1);
		assert_int_equal(rig_get(&rig, 1, 1, 5000), 1);
		rig_close(&rig);
	}
}

static void refuses(void **state)
{
	static char name[WEIR_TENANT_NAME_MAX + 2];
	struct weir_store_stream info = WEIR_STORE_STREAM_INIT;
	uint32_t stream;

	(void)state;
	memset(name, 'x', sizeof(name) - 1);
	rig_open(&rig);
	assert_int_equal(weir_store_add_tenant(rig.s, "", &stream), -EINVAL);
	assert_int_equal(weir_store_add_tenant(rig.s, name, &stream), -EINVAL);
	name[WEIR_TENANT_NAME_MAX] = 0;
	assert_int_equal(weir_store_add_tenant(rig.s, name, &stream), -ENAMETOOLONG);
	name[WEIR_TENANT_SHOWN_MAX + 1] = 0;
	assert_int_equal(weir_store_add_tenant(rig.s, name, &stream), -ENAMETOOLONG);
	assert_non_null(strstr(weir_error(), "33 bytes: a new tenant's has at most 32"));
	name[WEIR_TENANT_SHOWN_MAX] = 0;
	assert_int_equal(weir_store_add_tenant(rig.s, name, &stream), 1);
	assert_int_equal(rig_put(&rig, 1, 1, 100, RIG_STREAM(2)), -EINVAL);
	assert_int_equal(rig_put(&rig, 1, 1, 100, RIG_STREAM(255)), -EINVAL);
	assert_int_equal(weir_store_get_stream(rig.s, 2, &info), -ENOENT);
	rig_close(&rig);
	assert_int_equal(rig_try_open(&rig, 1), 0);
	assert_int_equal(weir_store_add_tenant(rig.s, name, &stream), 0);
	assert_int_equal(weir_store_add_tenant(rig.s, "y", &stream), -EROFS);
	assert_non_null(strstr(weir_error(), "\"y\""));
}

/* 38 segments are room for 4 streams. Then the emptiest stream is shared, and after 64 tenants the
 * name alone decides. */
static void more_tenants_than_streams(void **state)
{
	uint32_t stream[100], n, most = 0;
	char name[16];

	(void)state;
	rig_open(&rig);
	for (n = 0; n < 100; n++) {
		snprintf(name, sizeof(name), "tenant %u", n);
		stream[n] = tenant(name);
		most = stream[n] > most ? stream[n] : most;
		assert_int_equal(rig_put(&rig, n, 1, 3000, RIG_STREAM(stream[n])), 0);
	}
	assert_int_equal(most, 3);
	for (n = 0; n < 4; n++)
		assert_true(stream_info(n).tenants >= 10);
	rig_close(&rig);
	rig_open(&rig);
	for (n = 0; n < 100; n++) {
		snprintf(name, sizeof(name), "tenant %u", n);
		assert_int_equal(tenant(name), stream[n]);
		assert_int_equal(rig_get(&rig, n, 1, 3000), 1);
	}
}

/* Later tenants leave a stream alone that has a share: strangers would fill it. */
static void a_share_is_its_tenants(void **state)
{
	uint32_t alice, n;
	char name[16];

	(void)state;
	rig_open(&rig);
	alice = tenant("alice");
	assert_int_equal(alice, 1);
	for (n = 0; n < 2; n++) {
		snprintf(name, sizeof(name), "tenant %u", n);
		assert_int_equal(rig_put(&rig, n, 1, 3000, RIG_STREAM(tenant(name))), 0);
	}
	assert_int_equal(weir_store_set_share(rig.s, alice, 50), 0);
	/* Hers is the emptiest of the four. */
	for (; n < 100; n++) {
		snprintf(name, sizeof(name), "tenant %u", n);
		assert_int_not_equal(tenant(name), alice);
	}
	assert_int_equal(stream_info(alice).tenants, 1);
	/* Where all have a share, nobody's stream is left. */
	assert_int_equal(weir_store_set_share(rig.s, 2, 20), 0);
	assert_int_equal(weir_store_set_share(rig.s, 3, 20), 0);
	assert_int_equal(tenant("somebody else"), 0);
	assert_int_equal(weir_store_set_share(rig.s, 0, 10), 0);
	assert_int_equal(tenant("somebody else"), 0);
}

/* A tenant without a row moves only if its stream gets a share. */
static void a_share_moves_its_tenants_only(void **state)
{
	uint32_t before[100], n, moved = 0;
	char name[16];

	(void)state;
	rig_open(&rig);
	for (n = 0; n < 100; n++) {
		snprintf(name, sizeof(name), "tenant %u", n);
		before[n] = tenant(name);
	}
	assert_int_equal(weir_store_set_share(rig.s, 2, 50), 0);
	for (n = 64; n < 100; n++) {
		snprintf(name, sizeof(name), "tenant %u", n);
		moved += before[n] == 2;
		if (before[n] == 2)
			assert_int_not_equal(tenant(name), 2);
		else
			assert_int_equal(tenant(name), before[n]);
	}
	assert_true(moved > 0);
}

static void keys_stay_where_they_live(void **state)
{
	uint32_t a, b;

	(void)state;
	rig_open(&rig);
	a = tenant("a");
	b = tenant("b");
	assert_int_equal(rig_put(&rig, 1, 1, 100, RIG_STREAM(a)), 0);
	assert_int_equal(rig_put(&rig, 1, 2, 200, RIG_STREAM(b)), 0);
	assert_int_equal(stream_info(a).entries, 1);
	assert_int_equal(stream_info(a).live_bytes, 200);
	assert_int_equal(stream_info(b).entries, 0);
	assert_int_equal(rig_delete(&rig, 1, 0), 0);
	assert_int_equal(stream_info(a).entries, 0);
	assert_int_equal(stream_info(a).live_bytes, 0);
	assert_int_equal(rig_put(&rig, 1, 3, 300, RIG_STREAM(b)), 0);
	assert_int_equal(stream_info(b).entries, 1);
	rig_close(&rig);
	rig_open(&rig);
	assert_int_equal(rig_get(&rig, 1, 3, 300), 1);
	assert_int_equal(stream_info(b).entries, 1);
	assert_int_equal(stream_info(b).live_bytes, 300);
	assert_int_equal(stream_info(a).entries, 0);
}

/* One submission has the same key again and again, for streams in turn: the last one counts. */
static void one_batch_one_key(void **state)
{
	static uint8_t value[8][512];
	struct weir_store_op ops[8];
	uint64_t key = 1;
	uint32_t stream[2];
	unsigned n;

	(void)state;
	rig_open(&rig);
	stream[0] = tenant("a");
	stream[1] = tenant("b");
	memset(ops, 0, sizeof(ops));
	for (n = 0; n < 8; n++) {
		rig_value(key, n + 1, value[n], sizeof(value[n]));
		ops[n].key = &key;
		ops[n].key_len = sizeof(key);
		ops[n].value = value[n];
		ops[n].value_len = sizeof(value[n]);
		ops[n].stream = (uint16_t)stream[n % 2];
	}
	assert_int_equal(weir_store_put_many(rig.s, ops, 8), 0);
	assert_int_equal(rig_get(&rig, key, 8, sizeof(value[7])), 1);
	assert_int_equal(stream_info(stream[0]).entries, 1);
	assert_int_equal(stream_info(stream[1]).entries, 0);
}

static int count_streams(const struct weir_store_entry *e, void *user)
{
	unsigned *count = user;

	assert_true(e->stream < 4);
	count[e->stream]++;
	return 0;
}

/* Much goes into one stream and little into others, several times the size of the store. Nothing
 * hangs, listing and counters agree, and a full store accepts deletes. */
static void floods(void **state)
{
	struct weir_store_stats stats, after;
	unsigned count[4] = { 0 }, entries = 0;
	uint64_t key, present = 0;
	uint32_t n;

	(void)state;
	rig_open(&rig);
	assert_int_equal(tenant("a"), 1);
	assert_int_equal(tenant("b"), 2);
	assert_int_equal(tenant("c"), 3);
	for (key = 0; key < 1500; key++)
		assert_int_equal(rig_put(&rig, key, 1, 1 + rig_random(&seed) % 20000,
					 RIG_STREAM(rig_random(&seed) % 10 ? 1 : key % 4)),
				 0);
	rig_stats(&rig, &stats);
	assert_true(stats.evicted_segments > 50);
	/* No reclaim runs at that time. */
	rig_close(&rig);
	rig_open(&rig);
	rig_stats(&rig, &stats);
	for (n = 0; n < 4; n++) {
		assert_true(stream_info(n).segments > 0);
		entries += (unsigned)stream_info(n).entries;
	}
	assert_int_equal(entries, stats.entries);
	assert_int_equal(weir_store_list(rig.s, count_streams, count), 0);
	for (n = 0; n < 4; n++)
		assert_int_equal(count[n], stream_info(n).entries);
	for (key = 0; key < 1500; key++)
		present += !rig_delete(&rig, key, 0);
	/* Tombstones took room too; and a key that is evicted while its tombstone is written is
	 * removed twice. */
	rig_stats(&rig, &after);
	assert_true(present <= stats.entries && present + after.evicted_entries >= stats.entries);
	assert_int_equal(after.entries, 0);
	for (n = 0; n < 4; n++)
		assert_int_equal(stream_info(n).live_bytes, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(tenants_keep_their_streams, setup, teardown),
		cmocka_unit_test_setup_teardown(both_superblocks_know, setup, teardown),
		cmocka_unit_test_setup_teardown(refuses, setup, teardown),
		cmocka_unit_test_setup_teardown(more_tenants_than_streams, setup, teardown),
		cmocka_unit_test_setup_teardown(a_share_is_its_tenants, setup, teardown),
		cmocka_unit_test_setup_teardown(a_share_moves_its_tenants_only, setup, teardown),
		cmocka_unit_test_setup_teardown(keys_stay_where_they_live, setup, teardown),
		cmocka_unit_test_setup_teardown(one_batch_one_key, setup, teardown),
		cmocka_unit_test_setup_teardown(floods, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
