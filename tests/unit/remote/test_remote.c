/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_remote.c - operations on a store that another one has open: each kind, with each error that
 * the store itself has; from several threads and several clients; with as little shared memory as
 * there may be; and as futures.
 */
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <weir/pin.h>

#include "base/clock.h"
#include "pair.h"

#define CLIENTS 3u
#define THREADS 2u
#define ROUNDS (RIG_EVERY > 1 ? 6u : 40u)
#define MANY 300u /* more than may be under way */
#define FLOOD_MAX 5000u

static struct pair pair;

static void test_each_kind(void **state)
{
	struct weir_store_op sync = WEIR_STORE_OP_INIT, delete = WEIR_STORE_OP_INIT;
	uint64_t key = 1, length = 0;

	(void)state;
	pair_format(&pair);
	pair_open(&pair, NULL);
	assert_int_equal(pair_get(&pair, 1, 1, 5000), -ENOENT);
	assert_int_equal(pair_exists(&pair, 1, 0, &length), -ENOENT);
	assert_int_equal(pair_put(&pair, 1, 1, 5000, 0), 0);
	assert_int_equal(pair_put(&pair, 1, 2, 6000, WEIR_PUT_IF_ABSENT), -EEXIST);
	assert_int_equal(pair_put(&pair, 2, 1, PAIR_LONGEST, WEIR_PUT_DURABLE), 0);
	assert_int_equal(pair_get(&pair, 1, 1, 5000), 1);
	assert_int_equal(pair_get(&pair, 2, 1, PAIR_LONGEST), 1);
	assert_int_equal(rig_get(&pair.rig, 1, 1, 5000), 1);
	assert_int_equal(pair_exists(&pair, 1, 0, &length), 0);
	assert_int_equal(length, 5000);
	sync.kind = WEIR_STORE_SYNC;
	assert_int_equal(weir_remote_run(pair.r, &sync, 1), 0);
	delete.kind = WEIR_STORE_DELETE;
	delete.key = &key;
	delete.key_len = sizeof(key);
	assert_int_equal(weir_remote_run(pair.r, &delete, 1), 0);
	assert_int_equal(weir_remote_run(pair.r, &delete, 1), -ENOENT);
	assert_int_equal(rig_get(&pair.rig, 1, 1, 5000), -ENOENT);
	pair_close(&pair);
}

/* A value that is longer than the room for it says how long it is, and no byte is touched. */
static void test_room(void **state)
{
	struct weir_store_op op = WEIR_STORE_OP_INIT;
	uint8_t room[100];
	uint64_t key = 1;

	(void)state;
	pair_format(&pair);
	pair_open(&pair, NULL);
	assert_int_equal(pair_put(&pair, 1, 1, 5000, 0), 0);
	memset(room, 7, sizeof(room));
	op.kind = WEIR_STORE_GET;
	op.key = &key;
	op.key_len = sizeof(key);
	op.buf = room;
	op.capacity = sizeof(room);
	assert_int_equal(weir_remote_run(pair.r, &op, 1), -EMSGSIZE);
	assert_int_equal(op.value_len, 5000);
	for (size_t i = 0; i < sizeof(room); i++)
		assert_int_equal(room[i], 7);
	op.capacity = 0;
	assert_int_equal(weir_remote_run(pair.r, &op, 1), -EMSGSIZE);
	pair_close(&pair);
}

static void test_pieces(void **state)
{
	uint8_t value[9000], got[9000];
	struct iovec in[] = {
		{ value, 1 }, { NULL, 0 }, { value + 1, 4999 }, { value + 5000, 4000 }
	};
	struct iovec out[] = { { got, 8000 }, { got + 8000, 1000 } };
	struct weir_store_op ops[2] = { WEIR_STORE_OP_INIT, WEIR_STORE_OP_INIT };

	(void)state;
	pair_format(&pair);
	pair_open(&pair, NULL);
	rig_value(5, 1, value, sizeof(value));
	ops[0].key = ops[1].key = "pieces";
	ops[0].key_len = ops[1].key_len = 6;
	ops[0].kind = WEIR_STORE_PUT;
	ops[0].iov = in;
	ops[0].nr_iov = 4;
	ops[0].value_len = sizeof(value);
	ops[1].kind = WEIR_STORE_GET;
	ops[1].iov = out;
	ops[1].nr_iov = 2;
	ops[1].capacity = sizeof(got);
	assert_int_equal(weir_remote_run(pair.r, &ops[0], 1), 0);
	assert_int_equal(weir_remote_run(pair.r, &ops[1], 1), 0);
	assert_int_equal(ops[1].value_len, sizeof(got));
	assert_memory_equal(got, value, sizeof(got));
	pair_close(&pair);
}

/* Pieces that are not as long as the operation says: else bytes of another value would be stored. A
 * wrong operation harms none of those that are submitted with it. */
static void test_wrong_pieces(void **state)
{
	uint8_t value[9000];
	struct iovec iov[] = { { value, 1 }, { value + 1, 4999 } };
	struct iovec none[] = { { value, 1 }, { NULL, 4999 } };
	struct weir_store_op ops[4] = { WEIR_STORE_OP_INIT, WEIR_STORE_OP_INIT, WEIR_STORE_OP_INIT,
					WEIR_STORE_OP_INIT };

	(void)state;
	pair_format(&pair);
	pair_open(&pair, NULL);
	rig_value(5, 1, value, sizeof(value));
	for (size_t i = 0; i < 4; i++) {
		ops[i].key = &"0123"[i];
		ops[i].key_len = 1;
		ops[i].value_len = 9000;
	}
	ops[0].iov = iov;
	ops[0].nr_iov = 2;
	ops[1].value = value;
	ops[2].iov = none;
	ops[2].nr_iov = 2;
	ops[2].value_len = 5000;
	assert_int_equal(weir_remote_run(pair.r, ops, 4), -EINVAL);
	assert_non_null(strstr(weir_error(), "2 pieces of 5000 bytes"));
	assert_int_equal(ops[0].result, -EINVAL);
	assert_int_equal(ops[1].result, 0);
	assert_int_equal(ops[2].result, -EINVAL);
	assert_int_equal(ops[3].result, -EINVAL); /* no memory at all */
	ops[1].kind = WEIR_STORE_GET;
	ops[1].iov = iov;
	ops[1].nr_iov = 2;
	ops[1].capacity = 9000;
	assert_int_equal(weir_remote_run(pair.r, &ops[1], 1), -EINVAL);
	ops[1].buf = NULL;
	ops[1].nr_iov = 0;
	assert_int_equal(weir_remote_run(pair.r, &ops[1], 1), -EINVAL);
	ops[1].buf = value;
	ops[1].key = NULL;
	assert_int_equal(weir_remote_run(pair.r, &ops[1], 1), -EINVAL);
	pair_close(&pair);
}

static void test_wrong_operations(void **state)
{
	struct weir_remote_opts opts = WEIR_REMOTE_OPTS_INIT;
	struct weir_store_op op = WEIR_STORE_OP_INIT;
	struct weir_remote *other;

	(void)state;
	pair_format(&pair);
	assert_int_equal(weir_remote_open(&pair.r, pair.rig.path, NULL), -ENOENT);
	assert_true(!strncmp(weir_error(), pair.rig.path, strlen(pair.rig.path)));
	assert_non_null(strstr(weir_error(), "no process that has it open"));
	pair.r = NULL;
	pair_open(&pair, NULL);
	assert_int_equal(pair_put(&pair, 1, 1, PAIR_SEGMENT, 0), -EFBIG);
	op.key = "k";
	assert_int_equal(weir_remote_run(pair.r, &op, 1), -EINVAL); /* no key */
	op.key_len = 1;
	assert_int_equal(weir_remote_run(pair.r, &op, 1), -EINVAL); /* no value */
	op.value = "v";
	op.value_len = 1;
	op.nr_iov = WEIR_STORE_IOV_MAX + 1;
	assert_int_equal(weir_remote_run(pair.r, &op, 1), -EINVAL);
	op.nr_iov = 0;
	op.kind = WEIR_STORE_OP_COUNT;
	assert_int_equal(weir_remote_run(pair.r, &op, 1), -EINVAL);
	op.kind = WEIR_STORE_PUT;
	op.stream = 60000;
	assert_int_equal(weir_remote_run(pair.r, &op, 1), -EINVAL); /* the owner says so */
	op.stream = 0;
	op.deadline_ns = 1;
	assert_int_equal(weir_remote_run(pair.r, &op, 1), -ETIMEDOUT);
	op.deadline_ns = clock_now() + 60 * NSEC_PER_SEC;
	assert_int_equal(weir_remote_run(pair.r, &op, 1), 0);
	opts.arena_bytes = 4096;
	assert_int_equal(weir_remote_open(&other, pair.rig.path, &opts), -EINVAL);
	pair_close(&pair);
}

static int count_entry(const struct weir_store_entry *entry, void *user)
{
	assert_true(entry->key_len == sizeof(uint64_t));
	++*(unsigned *)user;
	return 0;
}

static int stop_at_once(const struct weir_store_entry *entry, void *user)
{
	(void)entry;
	++*(unsigned *)user;
	return 7;
}

static void test_questions(void **state)
{
	struct weir_store_stats stats = WEIR_STORE_STATS_INIT;
	struct weir_remote_info info = WEIR_REMOTE_INFO_INIT;
	struct weir_store_info store = WEIR_STORE_INFO_INIT;
	uint64_t one = 1;
	uint32_t a = 0, b = 0;
	unsigned n = 0;

	(void)state;
	pair_format(&pair);
	pair_open(&pair, NULL);
	for (uint64_t key = 1; key <= 50; key++)
		assert_int_equal(pair_put(&pair, key, 1, 100, 0), 0);
	assert_int_equal(weir_remote_get_stats(pair.r, &stats), 0);
	assert_int_equal(stats.entries, 50);
	assert_int_equal(weir_remote_list(pair.r, NULL, 0, count_entry, &n), 0);
	assert_int_equal(n, 50);
	n = 0;
	assert_int_equal(weir_remote_list(pair.r, &one, sizeof(one), count_entry, &n), 0);
	assert_int_equal(n, 1);
	n = 0;
	assert_int_equal(weir_remote_list(pair.r, NULL, 0, stop_at_once, &n), 7);
	assert_int_equal(n, 1);
	assert_int_equal(weir_remote_add_tenant(pair.r, "alice", &a), 0);
	assert_int_equal(weir_remote_add_tenant(pair.r, "alice", &b), 0);
	assert_true(a && a == b);
	assert_int_equal(weir_store_add_tenant(pair.rig.s, "alice", &b), 0);
	assert_int_equal(a, b);
	assert_int_equal(weir_store_get_info(pair.rig.s, &store), 0);
	assert_int_equal(weir_remote_get_info(pair.r, &info), 0);
	assert_memory_equal(info.uuid, store.uuid, sizeof(info.uuid));
	assert_int_equal(info.max_value_bytes, store.max_value_bytes);
	assert_int_equal(info.owner, getpid());
	assert_int_equal(info.operations, 50);
	assert_int_equal(info.bytes, 50 * 100);
	assert_int_equal(info.error, 0);
	pair_close(&pair);
}

/* A lease of a client holds what it found, until the get. */
static void test_lease(void **state)
{
	struct weir_store_held held = WEIR_STORE_HELD_INIT;
	struct weir_store_op late = WEIR_STORE_OP_INIT;
	uint64_t length = 0, key = 1;

	(void)state;
	pair_format(&pair);
	pair_open(&pair, NULL);
	assert_int_equal(pair_put(&pair, 1, 1, 5000, 0), 0);
	/* A time that is over is not "no time", for which a lease is as long as it may be. */
	late.kind = WEIR_STORE_EXISTS;
	late.flags = WEIR_REMOTE_LEASE;
	late.deadline_ns = 1;
	late.key = &key;
	late.key_len = sizeof(key);
	assert_int_equal(weir_remote_run(pair.r, &late, 1), 0);
	assert_int_equal(weir_store_delete(pair.rig.s, &key, sizeof(key), WEIR_DELETE_UNHELD), 0);
	assert_int_equal(pair_put(&pair, 1, 1, 5000, 0), 0);
	assert_int_equal(pair_exists(&pair, 1, WEIR_REMOTE_LEASE, &length), 0);
	assert_int_equal(length, 5000);
	assert_int_equal(pair_exists(&pair, 2, WEIR_REMOTE_LEASE, NULL), -ENOENT);
	assert_int_equal(weir_store_get_held(pair.rig.s, &held), 0);
	assert_int_equal(held.leased, 1);
	assert_int_equal(pair_get(&pair, 1, 1, 5000), 1);
	assert_int_equal(weir_store_get_held(pair.rig.s, &held), 0);
	assert_int_equal(held.leased, 0);
	pair_close(&pair);
}

/* What the medium returns wrong is no client's either, and can be dropped by it. */
static void test_damage(void **state)
{
	struct weir_store_op op = WEIR_STORE_OP_INIT;
	uint8_t value[8192], *image;
	uint64_t key = 1, at;

	(void)state;
	pair_format(&pair);
	pair_open(&pair, NULL);
	assert_int_equal(pair_put(&pair, 1, 1, sizeof(value), 0), 0);
	weir_remote_close(pair.r);
	rig_close(&pair.rig);
	image = malloc(PAIR_BYTES);
	rig_peek(&pair.rig, 0, image, PAIR_BYTES);
	rig_value(1, 1, value, sizeof(value));
	for (at = 0; memcmp(image + at, value, 4096) != 0; at += 4096)
		assert_true(at + 8192 < PAIR_BYTES);
	free(image);
	rig_damage(&pair.rig, at + 4100);
	pair_open(&pair, NULL);
	op.kind = WEIR_STORE_GET;
	op.flags = WEIR_GET_DROP_DAMAGED;
	op.key = &key;
	op.key_len = sizeof(key);
	op.buf = value;
	op.capacity = sizeof(value);
	memset(value, 7, sizeof(value));
	assert_int_equal(weir_remote_run(pair.r, &op, 1), -EBADMSG);
	for (size_t i = 0; i < sizeof(value); i++)
		assert_int_equal(value[i], 7);
	assert_int_equal(weir_remote_run(pair.r, &op, 1), -ENOENT);
	pair_close(&pair);
}

struct client {
	struct weir_remote *r;
	uint64_t number;
};

/* Puts and gets many keys at once, all its own. */
static void *client_thread(void *arg)
{
	const struct client *c = arg;
	struct pair mine = { .r = c->r };
	uint64_t state = c->number;

	for (uint64_t round = 1; round <= ROUNDS; round++)
		for (uint64_t key = c->number * 8; key < c->number * 8 + 8; key++) {
			size_t length = 1 + rig_random(&state) % PAIR_LONGEST;

			assert_int_equal(pair_put(&mine, key, round, length, 0), 0);
			assert_int_equal(pair_get(&mine, key, round, length), 1);
		}
	return NULL;
}

static void run_clients(uint64_t arena_bytes)
{
	struct weir_remote_opts opts = WEIR_REMOTE_OPTS_INIT;
	struct client clients[CLIENTS * THREADS];
	pthread_t threads[CLIENTS * THREADS];

	opts.arena_bytes = arena_bytes;
	for (unsigned i = 0; i < CLIENTS * THREADS; i++) {
		clients[i] = (struct client){ i % THREADS ? clients[i - 1].r : NULL, i + 1 };
		if (!clients[i].r)
			assert_int_equal(weir_remote_open(&clients[i].r, pair.rig.path, &opts), 0);
		assert_int_equal(pthread_create(&threads[i], NULL, client_thread, &clients[i]), 0);
	}
	for (unsigned i = 0; i < CLIENTS * THREADS; i++)
		pthread_join(threads[i], NULL);
	for (unsigned i = 0; i < CLIENTS * THREADS; i += THREADS)
		weir_remote_close(clients[i].r);
}

static void test_clients(void **state)
{
	(void)state;
	pair_format(&pair);
	pair_open(&pair, NULL);
	run_clients(0);
	pair_close(&pair);
}

static void test_little_memory(void **state)
{
	struct weir_store_info info = WEIR_STORE_INFO_INIT;

	(void)state;
	pair_format(&pair);
	pair_open(&pair, NULL);
	assert_int_equal(weir_store_get_info(pair.rig.s, &info), 0);
	run_clients((info.max_value_bytes + 4095) / 4096 * 4096);
	pair_close(&pair);
}

/* More operations at once than have slots, and than the memory holds. */
static void test_many_at_once(void **state)
{
	struct weir_remote_opts opts = WEIR_REMOTE_OPTS_INIT;
	struct weir_store_op *ops = calloc(MANY, sizeof(*ops));
	static uint64_t keys[MANY];
	static uint8_t values[MANY][4096], room[MANY][4096];

	(void)state;
	pair_format(&pair);
	opts.arena_bytes = 128u << 10;
	pair_open(&pair, &opts);
	for (unsigned i = 0; i < MANY; i++) {
		keys[i] = i + 1;
		rig_value(keys[i], 1, values[i], sizeof(values[i]));
		ops[i].kind = WEIR_STORE_PUT;
		ops[i].key = &keys[i];
		ops[i].key_len = sizeof(keys[i]);
		ops[i].value = values[i];
		ops[i].value_len = sizeof(values[i]);
	}
	assert_int_equal(weir_remote_run(pair.r, ops, MANY), 0);
	for (unsigned i = 0; i < MANY; i++) {
		ops[i].kind = WEIR_STORE_GET;
		ops[i].buf = room[i];
		ops[i].capacity = sizeof(room[i]);
	}
	assert_int_equal(weir_remote_run(pair.r, ops, MANY), 0);
	assert_memory_equal(room, values, sizeof(values));
	free(ops);
	pair_close(&pair);
}

/* An owner says how much memory a client may give; never too little for the longest value. */
static void test_bound_of_memory(void **state)
{
	static const uint64_t bounds[] = { 0, 1u << 20, 1, UINT64_MAX };
	struct weir_remote_opts opts = WEIR_REMOTE_OPTS_INIT;

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		struct weir_remote_info info = WEIR_REMOTE_INFO_INIT;
		uint64_t most = i == 1 ? bounds[i] : 1u << 30;

		pair_format(&pair);
		pair.rig.share_bytes_max = bounds[i];
		pair_open(&pair, NULL);
		assert_int_equal(weir_remote_get_info(pair.r, &info), 0);
		if (i == 2)
			most = 2 * ((info.max_value_bytes + 4095) / 4096 * 4096);
		if (i == 3)
			most = 64ull << 30;
		assert_int_equal(info.arena_bytes, most < 128u << 20 ? most : 128u << 20);
		assert_int_equal(pair_put(&pair, 1, 1, PAIR_LONGEST, 0), 0);
		weir_remote_close(pair.r);
		pair.r = NULL;
		opts.arena_bytes = most + 4096;
		assert_int_equal(weir_remote_open(&pair.r, pair.rig.path, &opts), -EINVAL);
		assert_non_null(strstr(weir_error(), " bytes (arena_bytes): "));
		assert_non_null(strstr(weir_error(), "(its share_bytes_max)"));
		opts.arena_bytes = most;
		assert_int_equal(weir_remote_open(&pair.r, pair.rig.path, &opts), 0);
		assert_int_equal(pair_get(&pair, 1, 1, PAIR_LONGEST), 1);
		pair_close(&pair);
	}
}

/* Opens a store and a client whose memory holds one value of the greatest length, and puts key 1.
 */
static void open_with_room_for_one(void)
{
	struct weir_store_info info = WEIR_STORE_INFO_INIT;
	struct weir_remote_opts opts = WEIR_REMOTE_OPTS_INIT;

	pair_format(&pair);
	rig_open(&pair.rig);
	assert_int_equal(weir_store_get_info(pair.rig.s, &info), 0);
	opts.arena_bytes = (info.max_value_bytes + 4095) / 4096 * 4096;
	assert_int_equal(weir_remote_open(&pair.r, pair.rig.path, &opts), 0);
	assert_int_equal(pair_put(&pair, 1, 1, PAIR_LONGEST, 0), 0);
}

/* Gets that are submitted again as soon as they have ended, until a put has, or for too long. */
struct flood {
	struct weir_store_op gets[8];
	uint8_t room[8][PAIR_LONGEST];
	uint64_t key;
	uint32_t ended, running, put_ended; /* atomic */
};

static void flood_end(struct weir_store_op *op)
{
	struct flood *f = op->user;

	if (__atomic_load_n(&f->put_ended, __ATOMIC_ACQUIRE) ||
	    __atomic_add_fetch(&f->ended, 1, __ATOMIC_ACQ_REL) >= FLOOD_MAX ||
	    weir_remote_submit(pair.r, op))
		__atomic_sub_fetch(&f->running, 1, __ATOMIC_ACQ_REL);
}

static void flood_put_end(struct weir_store_op *op)
{
	struct flood *f = op->user;

	__atomic_store_n(&f->put_ended, 1, __ATOMIC_RELEASE);
	__atomic_sub_fetch(&f->running, 1, __ATOMIC_ACQ_REL);
}

static void flood_run(struct flood *f, struct weir_store_op *put)
{
	f->key = 1;
	f->running = 9;
	for (size_t i = 0; i < 8; i++) {
		struct weir_store_op *get = &f->gets[i];

		get->kind = WEIR_STORE_GET;
		get->key = &f->key;
		get->key_len = sizeof(f->key);
		get->buf = f->room[i];
		get->capacity = PAIR_LONGEST;
		get->end = flood_end;
		get->user = f;
		assert_int_equal(weir_remote_submit(pair.r, get), 0);
	}
	put->end = flood_put_end;
	put->user = f;
	assert_int_equal(weir_remote_submit(pair.r, put), 0);
	while (__atomic_load_n(&f->running, __ATOMIC_ACQUIRE))
		usleep(1000);
}

/* Gets go first, and may have all of the memory; a put has its turn all the same. */
static void test_put_beside_gets(void **state)
{
	struct weir_store_op put = WEIR_STORE_OP_INIT;
	struct flood *f = calloc(1, sizeof(*f));
	static uint8_t value[PAIR_LONGEST];
	uint64_t key = 2;

	(void)state;
	open_with_room_for_one();
	rig_value(key, 1, value, sizeof(value));
	put.kind = WEIR_STORE_PUT;
	put.key = &key;
	put.key_len = sizeof(key);
	put.value = value;
	put.value_len = sizeof(value);
	flood_run(f, &put);
	assert_int_equal(put.result, 0);
	assert_true(f->ended < FLOOD_MAX);
	assert_int_equal(pair_get(&pair, 2, 1, PAIR_LONGEST), 1);
	free(f);
	pair_close(&pair);
}

/* What test_late_put_beside_gets() submits while the link stands in a callback. */
struct late {
	struct weir_store_op first, put, exists[15], holder, last;
	uint8_t value[PAIR_LONGEST], room[3][PAIR_LONGEST];
	uint64_t key;
	uint32_t ended; /* atomic: LAST has */
};

static void late_op(struct late *l, struct weir_store_op *op, uint32_t kind, void *buf,
		    void (*end)(struct weir_store_op *))
{
	op->kind = kind;
	op->key = &l->key;
	op->key_len = sizeof(l->key);
	if (kind == WEIR_STORE_GET) {
		op->buf = buf;
		op->capacity = PAIR_LONGEST;
	}
	op->end = end;
	op->user = l;
	assert_int_equal(weir_remote_submit(pair.r, op), 0);
}

static void late_end(struct weir_store_op *op)
{
	(void)op;
}

/* The time of the put passes while the link handles the answer that makes room for it. */
static void late_holder_end(struct weir_store_op *op)
{
	struct late *l = op->user;

	while (clock_now() <= l->put.deadline_ns)
		usleep(1000);
}

static void late_last_end(struct weir_store_op *op)
{
	__atomic_store_n(&((struct late *)op->user)->ended, 1, __ATOMIC_RELEASE);
}

static void late_first_end(struct weir_store_op *op)
{
	struct late *l = op->user;

	l->put.value = l->value;
	l->put.value_len = sizeof(l->value);
	l->put.deadline_ns = clock_now() + 100 * NSEC_PER_MSEC;
	late_op(l, &l->put, WEIR_STORE_PUT, NULL, late_end);
	for (size_t i = 0; i < 15; i++)
		late_op(l, &l->exists[i], WEIR_STORE_EXISTS, NULL, late_end);
	late_op(l, &l->holder, WEIR_STORE_GET, l->room[1], late_holder_end);
	late_op(l, &l->last, WEIR_STORE_GET, l->room[2], late_last_end);
}

/* It is a put's turn, and its time is over before it begins: a get behind it goes on. */
static void test_late_put_beside_gets(void **state)
{
	struct late *l = calloc(1, sizeof(*l));
	uint64_t until;

	(void)state;
	open_with_room_for_one();
	l->key = 1;
	late_op(l, &l->first, WEIR_STORE_GET, l->room[0], late_first_end);
	until = clock_now() + 20 * NSEC_PER_SEC;
	while (!__atomic_load_n(&l->ended, __ATOMIC_ACQUIRE) && clock_now() < until)
		usleep(1000);
	assert_true(l->ended);
	assert_int_equal(l->last.result, 0);
	assert_int_equal(l->put.result, -ETIMEDOUT);
	pair_close(&pair);
	free(l);
}

static const struct weir_future_result *run_future(struct weir_futures *f, uint32_t kind,
						   uint32_t flags, struct weir_future_item *items,
						   size_t n)
{
	struct weir_future future = WEIR_FUTURE_INIT;
	const struct weir_future_result *result;
	uint64_t id = 0;

	future.kind = kind;
	future.flags = flags;
	assert_int_equal(weir_futures_submit(f, &future, items, n, &id), 0);
	assert_int_equal(weir_futures_wait(f, UINT64_MAX), 0);
	result = weir_futures_take_id(f, id);
	assert_non_null(result);
	return result;
}

static void test_futures(void **state)
{
	const struct weir_future_result *result;
	struct weir_future_item items[4];
	static uint8_t values[4][5000], room[4][5000];
	uint64_t keys[4] = { 1, 2, 99, 3 };
	struct weir_futures *f;
	char words[200];

	(void)state;
	pair_format(&pair);
	pair_open(&pair, NULL);
	assert_int_equal(weir_futures_open_remote(&f, pair.r, NULL), 0);
	memset(items, 0, sizeof(items));
	for (unsigned i = 0; i < 4; i++) {
		rig_value(keys[i], 1, values[i], sizeof(values[i]));
		items[i].key = &keys[i];
		items[i].key_len = sizeof(keys[i]);
		items[i].value = values[i];
		items[i].length = i == 2 ? PAIR_SEGMENT : sizeof(values[i]);
	}
	result = run_future(f, WEIR_FUTURE_PUT, WEIR_FUTURE_IF_ABSENT, items, 4);
	assert_int_equal(result->error, -EFBIG);
	assert_int_equal(result->results[0], 0);
	assert_int_equal(result->results[2], -EFBIG);
	assert_non_null(strstr(weir_future_strerror(result, 2, words, sizeof(words)), "longest"));
	weir_future_free(result);
	result = run_future(f, WEIR_FUTURE_LEASE, 0, items, 4);
	assert_int_equal(result->leading, 2);
	assert_int_equal(result->lengths[3], 5000);
	assert_int_equal(result->results[2], -ENOENT);
	assert_int_equal(result->lengths[2], 0);
	weir_future_free(result);
	for (unsigned i = 0; i < 4; i++) {
		items[i].buf = room[i];
		items[i].length = i == 1 ? 4999 : 5000;
	}
	result = run_future(f, WEIR_FUTURE_GET, WEIR_FUTURE_EXACT, items, 4);
	assert_int_equal(result->results[0], 0);
	assert_int_equal(result->results[1], -EMSGSIZE);
	assert_int_equal(result->results[2], -ENOENT);
	assert_memory_equal(room[3], values[3], 5000);
	weir_future_free(result);
	result = run_future(f, WEIR_FUTURE_SYNC, 0, NULL, 0);
	assert_int_equal(result->error, 0);
	weir_future_free(result);
	weir_futures_close(f);
	pair_close(&pair);
}

/* Futures stay the same while the store below them changes from a remote one to one that is open
 * here; in between they fail. */
static void test_futures_change(void **state)
{
	const struct weir_future_result *result;
	struct weir_future_item item = { .key = "k", .key_len = 1, .value = "v", .length = 1 };
	struct weir_futures *f;
	char words[200];

	(void)state;
	pair_format(&pair);
	pair_open(&pair, NULL);
	assert_int_equal(weir_futures_open_remote(&f, pair.r, NULL), 0);
	weir_future_free(run_future(f, WEIR_FUTURE_PUT, 0, &item, 1));
	assert_int_equal(weir_remote_wait_end(pair.r, 1000), -ETIMEDOUT);
	rig_close(&pair.rig);
	assert_int_equal(weir_remote_wait_end(pair.r, UINT64_MAX), 0);
	result = run_future(f, WEIR_FUTURE_EXISTS, 0, &item, 1);
	assert_int_equal(result->results[0], -EPIPE);
	weir_future_free(result);
	rig_open(&pair.rig);
	assert_int_equal(weir_futures_use(f, pair.rig.s, pair.r), -EINVAL);
	assert_int_equal(weir_futures_use(f, pair.rig.s, NULL), -EINVAL);
	assert_int_equal(weir_futures_use(f, NULL, NULL), 0);
	weir_remote_close(pair.r);
	pair.r = NULL;
	for (unsigned kind = WEIR_FUTURE_PUT; kind < WEIR_FUTURE_SYNC; kind++) {
		result = run_future(f, kind, 0, &item, 1);
		assert_int_equal(result->results[0], -EPIPE);
		assert_int_equal(result->lengths[0], 0);
		assert_int_equal(result->leading, 0);
		assert_non_null(strstr(weir_future_strerror(result, 0, words, sizeof(words)),
				       "the store is gone"));
		weir_future_free(result);
	}
	assert_int_equal(weir_futures_use(f, pair.rig.s, NULL), 0);
	result = run_future(f, WEIR_FUTURE_EXISTS, 0, &item, 1);
	assert_int_equal(result->results[0], 0);
	assert_int_equal(result->lengths[0], 1);
	weir_future_free(result);
	weir_futures_close(f);
	pair_close(&pair);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_each_kind, pair_setup, pair_teardown),
		cmocka_unit_test_setup_teardown(test_room, pair_setup, pair_teardown),
		cmocka_unit_test_setup_teardown(test_pieces, pair_setup, pair_teardown),
		cmocka_unit_test_setup_teardown(test_wrong_pieces, pair_setup, pair_teardown),
		cmocka_unit_test_setup_teardown(test_wrong_operations, pair_setup, pair_teardown),
		cmocka_unit_test_setup_teardown(test_questions, pair_setup, pair_teardown),
		cmocka_unit_test_setup_teardown(test_lease, pair_setup, pair_teardown),
		cmocka_unit_test_setup_teardown(test_damage, pair_setup, pair_teardown),
		cmocka_unit_test_setup_teardown(test_clients, pair_setup, pair_teardown),
		cmocka_unit_test_setup_teardown(test_little_memory, pair_setup, pair_teardown),
		cmocka_unit_test_setup_teardown(test_many_at_once, pair_setup, pair_teardown),
		cmocka_unit_test_setup_teardown(test_bound_of_memory, pair_setup, pair_teardown),
		cmocka_unit_test_setup_teardown(test_put_beside_gets, pair_setup, pair_teardown),
		cmocka_unit_test_setup_teardown(test_late_put_beside_gets, pair_setup,
						pair_teardown),
		cmocka_unit_test_setup_teardown(test_futures, pair_setup, pair_teardown),
		cmocka_unit_test_setup_teardown(test_futures_change, pair_setup, pair_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
