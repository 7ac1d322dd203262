/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_basic.c - put, get, exists, delete and list do what their comments say, in both ways of
 * running the loop.
 */
#include <errno.h>

#include "rig.h"
#include "base/clock.h"
#include "store/format/format.h"

static struct rig attached = { .attach = 1 }, worker = { .attach = 0 };

static int set_up(void **state)
{
	rig_make(*state, 24 << 20, 256 << 10, 4096);
	rig_open(*state);
	return 0;
}

static int tear_down(void **state)
{
	rig_remove(*state);
	return 0;
}

static void every_length(void **state)
{
	static const size_t lengths[] = { 1,	7,    511,   512,   4095, 4096,
					  4097, 8192, 10000, 65536, 90000 };
	struct rig *rig = *state;
	size_t i;

	for (i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++)
		assert_int_equal(rig_put(rig, i, 1, lengths[i], i % 2 ? WEIR_PUT_DURABLE : 0), 0);
	for (i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++)
		assert_int_equal(rig_get(rig, i, 1, lengths[i]), 1);
	rig_close(rig);
	rig_open(rig);
	for (i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++)
		assert_int_equal(rig_get(rig, i, 1, lengths[i]), 1);
}

static void unaligned_buffers(void **state)
{
	struct rig *rig = *state;
	uint8_t *value = malloc(20001), *got = malloc(20003);
	size_t len;

	rig_value(1, 1, value + 1, 20000);
	assert_int_equal(weir_store_put(rig->s, "key", 3, value + 1, 20000, 0), 0);
	got[20002] = 0x5a;
	assert_int_equal(weir_store_get(rig->s, "key", 3, got + 2, 20000, &len), 0);
	assert_int_equal(len, 20000);
	assert_memory_equal(got + 2, value + 1, 20000);
	assert_int_equal(got[20002], 0x5a);
	free(value);
	free(got);
}

static void replace_delete_exists(void **state)
{
	struct rig *rig = *state;
	uint64_t key = 5;
	size_t len = 0;

	assert_int_equal(rig_get(rig, 5, 1, 10), -ENOENT);
	assert_int_equal(rig_delete(rig, 5, 0), -ENOENT);
	assert_int_equal(weir_store_exists(rig->s, &key, sizeof(key), &len), -ENOENT);
	assert_int_equal(rig_put(rig, 5, 1, 10, 0), 0);
	assert_int_equal(rig_put(rig, 5, 2, 20, 0), 0);
	assert_int_equal(weir_store_exists(rig->s, &key, sizeof(key), &len), 0);
	assert_int_equal(len, 20);
	assert_int_equal(rig_get(rig, 5, 2, 20), 1);
	assert_int_equal(rig_delete(rig, 5, WEIR_PUT_DURABLE), 0);
	assert_int_equal(rig_get(rig, 5, 2, 20), -ENOENT);
	assert_int_equal(rig_delete(rig, 5, 0), -ENOENT);
	rig_close(rig);
	rig_open(rig);
	assert_int_equal(rig_get(rig, 5, 2, 20), -ENOENT);
	assert_int_equal(weir_store_sync(rig->s), 0);
}

static void refused(void **state)
{
	struct rig *rig = *state;
	static char big[200 << 10], key[WEIR_KEY_MAX + 1];
	size_t len;

	assert_int_equal(weir_store_put(rig->s, "", 0, "v", 1, 0), -EINVAL);
	assert_int_equal(weir_store_put(rig->s, key, sizeof(key), "v", 1, 0), -EINVAL);
	assert_int_equal(weir_store_put(rig->s, key, sizeof(key) - 1, "v", 1, 0), 0);
	assert_int_equal(weir_store_put(rig->s, "k", 1, "", 0, 0), -EINVAL);
	assert_int_equal(weir_store_put(rig->s, "k", 1, big, sizeof(big), 0), -EFBIG);
	assert_non_null(strstr(weir_error(), "max_value_bytes 200KiB"));
	assert_int_equal(weir_store_put(rig->s, "k", 1, "12345", 5, 0), 0);
	assert_int_equal(weir_store_get(rig->s, "k", 1, big, 4, &len), -EMSGSIZE);
	assert_int_equal(len, 5);
	assert_int_equal(weir_store_get(rig->s, "k", 1, NULL, 0, &len), -EMSGSIZE);
	assert_int_equal(len, 5);
}

static void many(void **state)
{
	struct rig *rig = *state;
	static uint8_t values[64][3000], got[64][3000];
	struct weir_store_op ops[64];
	uint64_t keys[64];
	size_t i;

	memset(ops, 0, sizeof(ops));
	for (i = 0; i < 64; i++) {
		keys[i] = i;
		rig_value(i, 1, values[i], sizeof(values[i]));
		ops[i].key = &keys[i];
		ops[i].key_len = sizeof(keys[i]);
		ops[i].value = values[i];
		ops[i].value_len = sizeof(values[i]);
	}
	assert_int_equal(weir_store_put_many(rig->s, ops, 64), 0);
	for (i = 0; i < 64; i++) {
		keys[i] = i == 9 ? 999 : i;
		ops[i].buf = got[i];
		ops[i].capacity = sizeof(got[i]);
	}
	assert_int_equal(weir_store_get_many(rig->s, ops, 64), 0);
	for (i = 0; i < 64; i++) {
		assert_int_equal(ops[i].result, i == 9 ? -ENOENT : 0);
		if (i != 9)
			assert_memory_equal(got[i], values[i], sizeof(values[i]));
	}
	ops[3].capacity = 1;
	assert_int_equal(weir_store_get_many(rig->s, ops, 64), -EMSGSIZE);
	assert_int_equal(ops[3].value_len, 3000);
	ops[5].key_len = 0;
	assert_int_equal(weir_store_run(rig->s, ops, 64), -EMSGSIZE);
	assert_int_equal(ops[5].result, -EINVAL);
}

static void no_end(struct weir_store_op *op)
{
	(void)op;
	fail_msg("called");
}

/* Calls that wait for all operations refuse one with an `end`, before anything has begun; and a
 * put's flags hold nothing but what is named. */
static void many_refused(void **state)
{
	struct rig *rig = *state;
	uint64_t keys[3] = { 1, 2, 3 };
	struct weir_store_op ops[3];

	for (unsigned i = 0; i < 3; i++) {
		ops[i] = (struct weir_store_op)WEIR_STORE_OP_INIT;
		ops[i].key = &keys[i];
		ops[i].key_len = sizeof(keys[i]);
		ops[i].value = "value";
		ops[i].value_len = 5;
	}
	ops[2].end = no_end;
	assert_int_equal(weir_store_run(rig->s, ops, 3), -EINVAL);
	assert_non_null(strstr(weir_error(), "operation 3 of 3"));
	assert_int_equal(weir_store_put_many(rig->s, ops, 3), -EINVAL);
	assert_int_equal(weir_store_exists(rig->s, &keys[0], sizeof(keys[0]), NULL), -ENOENT);
	assert_int_equal(weir_store_get_many(rig->s, ops, 3), -EINVAL);
	ops[2].end = NULL;
	ops[1].flags = 1 << 8;
	assert_int_equal(weir_store_put_many(rig->s, ops, 3), -EINVAL);
	assert_int_equal(ops[1].result, -EINVAL);
	assert_int_equal(ops[0].result | ops[2].result, 0);
}

struct listing {
	struct rig *rig;
	uint64_t count, sum, last_sequence;
	int stop_at;
};

static int list_one(const struct weir_store_entry *entry, void *user)
{
	struct listing *l = user;
	uint64_t key;

	assert_int_equal(entry->key_len, sizeof(key));
	memcpy(&key, entry->key, sizeof(key));
	assert_int_equal(entry->value_len, 100 + key);
	assert_true(entry->sequence > l->last_sequence);
	/* The callback may call the store. */
	assert_int_equal(weir_store_exists(l->rig->s, &key, sizeof(key), NULL), 0);
	l->last_sequence = entry->sequence;
	l->count++;
	l->sum += key;
	return l->stop_at && l->count == (uint64_t)l->stop_at ? 77 : 0;
}

static void list(void **state)
{
	struct rig *rig = *state;
	struct listing l = { .rig = rig };
	uint64_t key, sum = 0;
	int round;

	for (key = 0; key < 300; key++) {
		assert_int_equal(rig_put(rig, key, 0, 50, 0), 0);
		assert_int_equal(rig_put(rig, key, 1, 100 + key, 0), 0);
		if (key % 3 == 0)
			assert_int_equal(rig_delete(rig, key, 0), 0);
		else
			sum += key;
	}
	for (round = 0; round < 2; round++) {
		l = (struct listing){ .rig = rig };
		assert_int_equal(weir_store_list(rig->s, list_one, &l), 0);
		assert_int_equal(l.count, 200);
		assert_int_equal(l.sum, sum);
		rig_close(rig);
		rig_open(rig);
	}
	l = (struct listing){ .rig = rig, .stop_at = 5 };
	assert_int_equal(weir_store_list(rig->s, list_one, &l), 77);
	assert_int_equal(l.count, 5);
}

static void wraps_and_evicts(void **state)
{
	struct rig *rig = *state;
	struct weir_store_stats stats;
	uint64_t key, found = 0;

	for (key = 0; key < 1000; key++)
		assert_int_equal(rig_put(rig, key, 1, 60000, 0), 0);
	rig_stats(rig, &stats);
	assert_true(stats.evicted_segments > 100);
	assert_int_equal(stats.entries + stats.evicted_entries, 1000);
	assert_true(stats.free_segments >= 2);
	/* The keys that are left are the newest, without a gap. */
	for (key = 1000; key-- > 0;) {
		int err = rig_get(rig, key, 1, 60000);

		assert_true(err == -ENOENT || (err == 1 && found == 999 - key));
		found += err == 1;
	}
	/* A reclaim may still run. */
	assert_true(found <= stats.entries && found > 250);
	rig_close(rig);
	rig_open(rig);
	rig_stats(rig, &stats);
	assert_true(stats.recovered_entries <= found && stats.recovered_entries > 250);
	assert_int_equal(stats.recovered_open_segments, 0);
}

static void facts(void **state)
{
	struct rig *rig = *state;
	struct weir_store_info info = WEIR_STORE_INFO_INIT;
	struct weir_store_stats stats;

	assert_int_equal(weir_store_get_info(rig->s, &info), 0);
	assert_int_equal(info.block_bytes, 4096);
	assert_int_equal(info.segment_bytes, 256 << 10);
	assert_int_equal(info.segments, 95);
	assert_int_equal(info.max_value_bytes, 128 << 10);
	assert_true(info.epoch > 0);
	assert_int_equal(rig_put(rig, 1, 1, 5000, WEIR_PUT_DURABLE), 0);
	assert_int_equal(rig_get(rig, 1, 1, 5000), 1);
	assert_int_equal(rig_get(rig, 2, 1, 5000), -ENOENT);
	rig_stats(rig, &stats);
	assert_int_equal(stats.puts, 1);
	assert_int_equal(stats.gets, 2);
	assert_int_equal(stats.hits, 1);
	assert_int_equal(stats.put_bytes, 5000);
	assert_int_equal(stats.live_bytes, 5000);
	assert_true(stats.flushes >= 2);
	assert_int_equal(stats.put.count, 1);
	assert_true(stats.put.p50_ns > 0);
}

/* A batch says by the wall clock when it was written: what a clock since boot says means nothing
 * to the next boot. */
static void a_batch_has_the_time(void **state)
{
	struct rig *rig = *state;
	uint64_t before = clock_wall(), at, time;

	assert_int_equal(rig_put(rig, 1, 1, 5000, 0), 0);
	rig_close(rig);
	at = rig_find(rig, "weirBAT1", 65536, 4096);
	assert_true(at != UINT64_MAX);
	rig_peek(rig, at + offsetof(struct disk_batch, time_ns), &time, sizeof(time));
	assert_in_range(le64toh(time), before, clock_wall());
	rig_open(rig);
}

/* Nobody chose a scheduler: on flash it is kyber. */
static void the_default_scheduler(void **state)
{
	struct weir_queue *q = weir_store_queue(((struct rig *)*state)->s);
	struct weir_queue_info info = WEIR_QUEUE_INFO_INIT;
	bool rotational = weir_device_get_info(weir_queue_device(q))->rotational;

	assert_int_equal(weir_queue_get_info(q, &info), 0);
	assert_string_equal(info.scheduler, rotational ? "mq-deadline" : "kyber");
}

#define BOTH(test)                                                                                 \
	cmocka_unit_test_prestate_setup_teardown(test, set_up, tear_down, &attached),              \
		cmocka_unit_test_prestate_setup_teardown(test, set_up, tear_down, &worker)

int main(void)
{
	const struct CMUnitTest tests[] = {
		BOTH(every_length),
		BOTH(unaligned_buffers),
		BOTH(replace_delete_exists),
		BOTH(refused),
		BOTH(many),
		BOTH(many_refused),
		BOTH(list),
		BOTH(facts),
		BOTH(the_default_scheduler),
		BOTH(a_batch_has_the_time),
		BOTH(wraps_and_evicts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
