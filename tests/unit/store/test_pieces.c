/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_pieces.c - values in pieces: scattered over memory in any way, they are the same values.
 */
#include <errno.h>
#include <sys/mman.h>

#include "rig.h"
#include "store/io/pieces.h"

#define BYTES 200000u	 /* of the longest value */
#define ARENA (2u << 20) /* where pieces lie */
#define GUARD 0xa5
#define ROUNDS 150u

static struct rig rig;
static uint8_t *arena;
static uint8_t whole[BYTES], got[BYTES + 10000];

struct scattered {
	struct iovec iov[WEIR_STORE_IOV_MAX];
	uint32_t nr;
	size_t bytes;
};

/* Returns the length of a piece of a value of which LEFT bytes are left. */
static size_t piece_length(uint64_t *state, size_t left)
{
	static const size_t some[] = { 0, 1, 4095, 4096, 4097, 8192, 32768, 511 };
	size_t n = some[rig_random(state) % 8];

	if (rig_random(state) % 4 == 0)
		n = rig_random(state) % 20000;
	return n < left ? n : left;
}

/* Scatters BYTES over the arena, in at most MAX pieces, about half of them aligned. */
static void scatter(struct scattered *to, size_t bytes, uint32_t max, uint64_t *state)
{
	size_t at = rig_random(state) % 2 * 100, left = bytes;

	memset(arena, GUARD, ARENA);
	to->bytes = bytes;
	to->nr = 0;
	while (left || to->nr + 1 < max / 2) {
		size_t n = to->nr + 1 == max ? left : piece_length(state, left);

		to->iov[to->nr++] = (struct iovec){ arena + at, n };
		left -= n;
		at += n + 1 + rig_random(state) % 100;
		if (rig_random(state) % 2)
			at = (at + 4095) & ~(size_t)4095;
		assert_true(at < ARENA);
	}
}

/* Copies between the pieces and a value in one piece. */
static void move(const struct scattered *s, uint8_t *value, bool in)
{
	for (uint32_t i = 0; i < s->nr; i++) {
		if (in)
			memcpy(s->iov[i].iov_base, value, s->iov[i].iov_len);
		else
			memcpy(value, s->iov[i].iov_base, s->iov[i].iov_len);
		value += s->iov[i].iov_len;
	}
}

/* Fails unless nothing beside the first BYTES of the pieces was touched. */
static void check_guards(const struct scattered *s, size_t bytes)
{
	for (uint32_t i = 0; i < s->nr; i++) {
		size_t n = s->iov[i].iov_len < bytes ? s->iov[i].iov_len : bytes;

		memset(s->iov[i].iov_base, GUARD, n);
		bytes -= n;
	}
	for (size_t i = 0; i < ARENA; i++)
		if (arena[i] != GUARD)
			fail_msg("byte %zu of the arena was touched", i);
}

static struct weir_store_op make(int kind, const struct scattered *s)
{
	struct weir_store_op op = WEIR_STORE_OP_INIT;

	op.kind = (uint32_t)kind;
	op.key = "key";
	op.key_len = 3;
	op.iov = s->iov;
	op.nr_iov = s->nr;
	if (kind == WEIR_STORE_PUT)
		op.value_len = s->bytes;
	else
		op.capacity = s->bytes;
	return op;
}

/* One value goes in and comes out in pieces, or in one piece. */
static void one_round(uint64_t round, uint64_t *state)
{
	size_t bytes = 1 + rig_random(state) % (round % 3 ? 30000 : BYTES), length = 0;
	uint32_t max = round % 5 ? 40 : WEIR_STORE_IOV_MAX;
	static struct scattered s;
	struct weir_store_op op;

	rig_value(round, 1, whole, bytes);
	scatter(&s, bytes, max, state);
	move(&s, whole, true);
	op = make(WEIR_STORE_PUT, &s);
	if (round % 4)
		assert_int_equal(weir_store_run(rig.s, &op, 1), 0);
	else
		assert_int_equal(weir_store_put(rig.s, "key", 3, whole, bytes, 0), 0);
	assert_int_equal(weir_store_get(rig.s, "key", 3, got, BYTES, &length), 0);
	assert_int_equal(length, bytes);
	assert_memory_equal(got, whole, bytes);
	/* The memory may have room for more. */
	scatter(&s, bytes + round % 7 * 1000, max, state);
	op = make(WEIR_STORE_GET, &s);
	if (round % 6 == 5)
		op.deadline_ns = UINT64_MAX;
	assert_int_equal(weir_store_run(rig.s, &op, 1), 0);
	assert_int_equal(op.value_len, bytes);
	memset(got, 0, sizeof(got));
	move(&s, got, false);
	assert_memory_equal(got, whole, bytes);
	check_guards(&s, bytes);
}

static void rounds(const char *engine, uint32_t block)
{
	uint64_t state = block;

	if (!rig_has(engine))
		return;
	rig.engine = engine;
	rig_make(&rig, 64 << 20, 1 << 20, block);
	rig_open(&rig);
	for (uint64_t round = 0; round < ROUNDS; round++)
		one_round(round, &state);
	rig_remove(&rig);
}

static void scattered_values(void **state)
{
	(void)state;
	rounds("posix", 4096);
	rounds("uring", 4096);
	rounds("uring", 16384);
	rig.engine = NULL;
}

static void wrong_pieces(void **state)
{
	static struct scattered s;
	struct weir_store_op op;
	uint8_t byte = 1;

	(void)state;
	rig_make(&rig, 16 << 20, 1 << 20, 4096);
	rig_open(&rig);
	for (uint32_t i = 0; i < WEIR_STORE_IOV_MAX; i++)
		s.iov[i] = (struct iovec){ &byte, 1 };
	s.nr = WEIR_STORE_IOV_MAX;
	s.bytes = WEIR_STORE_IOV_MAX;
	op = make(WEIR_STORE_PUT, &s);
	assert_int_equal(weir_store_run(rig.s, &op, 1), 0);
	op.nr_iov++;
	assert_int_equal(weir_store_submit(rig.s, &op), -EINVAL);
	assert_non_null(strstr(weir_error(), "at most 256"));
	op.nr_iov--;
	op.value_len++;
	assert_int_equal(weir_store_submit(rig.s, &op), -EINVAL);
	assert_non_null(strstr(weir_error(), "256 bytes together"));
	op.value_len--;
	s.iov[7].iov_base = NULL;
	assert_int_equal(weir_store_submit(rig.s, &op), -EINVAL);
	assert_non_null(strstr(weir_error(), "piece 8 of 256"));
	s.iov[7].iov_len = SIZE_MAX;
	s.iov[7].iov_base = &byte;
	assert_int_equal(weir_store_submit(rig.s, &op), -EINVAL);
	s.iov[7].iov_len = 1;
	op = make(WEIR_STORE_GET, &s);
	op.capacity++;
	assert_int_equal(weir_store_submit(rig.s, &op), -EINVAL);
	s.nr = 255;
	s.bytes = 255;
	op = make(WEIR_STORE_GET, &s);
	assert_int_equal(weir_store_run(rig.s, &op, 1), -EMSGSIZE);
	assert_int_equal(op.value_len, 256);
	rig_remove(&rig);
}

/* Blocks of aligned pieces are not copied, and others only as far as they must be. */
static void what_is_copied(void **state)
{
	struct pieces_rule rule = { 4095, 4096 };
	struct iovec iov[4] = {
		{ arena, 4096 }, { arena + 65536, 8192 }, { arena, 0 }, { arena + 16384, 32768 }
	};
	struct weir_store_op op = { .iov = iov, .nr_iov = 4 };

	(void)state;
	assert_int_equal(pieces_copied(pieces_begin(&op, 45056), rule), 0);
	/* The tail, and one block that two pieces share. */
	assert_int_equal(pieces_copied(pieces_begin(&op, 45055), rule), 4096);
	iov[0].iov_len = 4000;
	iov[1].iov_len = 96;
	assert_int_equal(pieces_copied(pieces_begin(&op, 4096 + 32768), rule), 4096);
	/* A piece that is not aligned is copied as a whole. */
	iov[3].iov_base = arena + 16385;
	assert_int_equal(pieces_copied(pieces_begin(&op, 4096 + 32768), rule), 4096 + 32768);
	rule.mask = 0;
	assert_int_equal(pieces_copied(pieces_begin(&op, 4096 + 32768), rule), 4096);
	op = (struct weir_store_op){ .buf = arena };
	assert_int_equal(pieces_copied(pieces_begin(&op, 8192), rule), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(scattered_values),
		cmocka_unit_test(wrong_pieces),
		cmocka_unit_test(what_is_copied),
	};
	int failed;

	arena = mmap(NULL, ARENA, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (arena == MAP_FAILED)
		return 1;
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	munmap(arena, ARENA);
	return failed;
}
