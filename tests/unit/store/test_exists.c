/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_exists.c - exists, on the calling thread: for many keys, in callbacks, without the loop, and
 * beside puts.
 */
#include <errno.h>
#include <pthread.h>

#include "rig.h"
#include "store/store.h"

#define KEYS 100u

static struct rig rig;

static int set_up(void **state)
{
	(void)state;
	/* There is room for everything, so nothing is evicted. */
	rig_make(&rig, 64 << 20, 256 << 10, 4096);
	rig_open(&rig);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	rig_remove(&rig);
	return 0;
}

struct row {
	uint64_t id[KEYS];
	struct weir_store_key keys[KEYS];
	uint64_t lengths[KEYS];
	size_t leading;
};

static void row_make(struct row *row, size_t n)
{
	row->leading = 77;
	for (size_t i = 0; i < n; i++) {
		row->id[i] = i;
		row->lengths[i] = 77;
		row->keys[i] = (struct weir_store_key){ &row->id[i], sizeof(row->id[i]), 0 };
	}
}

static bool was_read(const struct row *row, size_t i)
{
	struct index_value value;
	uint64_t hash[2];

	checksum_identity(&rig.s->io.key, row->keys[i].key, row->keys[i].key_len, hash);
	assert_int_equal(logs_peek(rig.s->logs, hash, &value), 1);
	return value.flags & INDEX_READ;
}

/* Only the leading run of hits counts as read. */
static void row_with_a_gap(void **state)
{
	struct row row;

	(void)state;
	for (uint64_t i = 0; i < KEYS; i++)
		if (i != 40)
			assert_int_equal(rig_put(&rig, i, 1, 100 + i, 0), 0);
	row_make(&row, KEYS);
	assert_false(was_read(&row, 0));
	assert_int_equal(weir_store_exists_many(rig.s, row.keys, KEYS, row.lengths, &row.leading),
			 0);
	assert_int_equal(row.leading, 40);
	for (uint64_t i = 0; i < KEYS; i++) {
		assert_int_equal(row.lengths[i], i == 40 ? 0 : 100 + i);
		if (i != 40)
			assert_int_equal(was_read(&row, i), i < 40);
	}
	assert_int_equal(rig_put(&rig, 40, 1, 100, 0), 0);
	assert_int_equal(weir_store_exists_many(rig.s, row.keys, 0, row.lengths, &row.leading), 0);
	assert_int_equal(row.leading, 0);
	assert_int_equal(weir_store_exists_many(rig.s, row.keys, KEYS, row.lengths, &row.leading),
			 0);
	assert_int_equal(row.leading, KEYS);
	/* What is written again was not read since. */
	assert_true(was_read(&row, 40));
	assert_int_equal(rig_put(&rig, 40, 2, 100, 0), 0);
	assert_false(was_read(&row, 40));
}

static void wrong_keys(void **state)
{
	struct row row;

	(void)state;
	row_make(&row, 3);
	row.keys[2].key_len = WEIR_KEY_MAX + 1;
	assert_int_equal(weir_store_exists_many(rig.s, row.keys, 3, row.lengths, &row.leading),
			 -EINVAL);
	assert_non_null(strstr(weir_error(), "key 3 of 3"));
	assert_int_equal(row.lengths[0], 77);
	assert_int_equal(row.leading, 77);
	row.keys[2].key_len = 0;
	assert_int_equal(weir_store_exists(rig.s, "", 0, NULL), -EINVAL);
	row.keys[2].key = NULL;
	assert_int_equal(weir_store_exists_many(rig.s, row.keys, 3, row.lengths, &row.leading),
			 -EINVAL);
}

static int in_callback; /* what exists returned there */

static void ask_in_callback(struct weir_store_op *op)
{
	in_callback = weir_store_exists(rig.s, op->key, op->key_len, NULL);
}

static void callbacks_ask(void **state)
{
	struct weir_store_op op = { .kind = WEIR_STORE_PUT,
				    .key = "key",
				    .key_len = 3,
				    .value = "value",
				    .value_len = 5,
				    .end = ask_in_callback };
	size_t length = 0;

	(void)state;
	in_callback = 77;
	rig_close(&rig);
	rig.attach = 1; /* the loop runs on this thread */
	rig_open(&rig);
	assert_int_equal(weir_store_submit(rig.s, &op), 0);
	assert_int_equal(weir_store_exists(rig.s, "key", 3, NULL), -ENOENT);
	assert_int_equal(weir_store_wait(rig.s, &op, UINT64_MAX), 0);
	assert_int_equal(in_callback, 0);
	assert_int_equal(weir_store_exists(rig.s, "key", 3, &length), 0);
	assert_int_equal(length, 5);
	assert_int_equal(weir_store_delete(rig.s, "key", 3, 0), 0);
	assert_int_equal(weir_store_exists(rig.s, "key", 3, NULL), -ENOENT);
	rig.attach = 0;
}

/* Puts and deletes keys of its own. */
static void *put_and_delete(void *arg)
{
	uint64_t n;

	(void)arg;
	for (n = 0; n < 3000; n++) {
		uint64_t id = 1000 + n % 50;
		bool put = n / 50 % 2 == 0;
		int err = put ? weir_store_put(rig.s, &id, sizeof(id), "v", 1, 0)
			      : weir_store_delete(rig.s, &id, sizeof(id), 0);

		/* What has ended is seen at once. */
		if (err || weir_store_exists(rig.s, &id, sizeof(id), NULL) != (put ? 0 : -ENOENT))
			return "a put or delete that has ended was not seen";
	}
	return NULL;
}

static void beside_puts(void **state)
{
	struct row row;
	pthread_t thread;
	void *what = NULL;

	(void)state;
	for (uint64_t i = 0; i < 30; i++)
		assert_int_equal(rig_put(&rig, i, 1, 100, 0), 0);
	row_make(&row, 40);
	assert_int_equal(pthread_create(&thread, NULL, put_and_delete, NULL), 0);
	while (pthread_tryjoin_np(thread, &what)) {
		int err = weir_store_exists_many(rig.s, row.keys, 40, row.lengths, &row.leading);

		if (err == -EAGAIN)
			continue;
		assert_int_equal(err, 0);
		assert_int_equal(row.leading, 30);
	}
	if (what)
		fail_msg("%s", (char *)what);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(row_with_a_gap),
		TEST(wrong_keys),
		TEST(callbacks_ask),
		TEST(beside_puts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
