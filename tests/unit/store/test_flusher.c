/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_flusher.c - who waits for which flush, what a flush covers, and what waits for it: an
 * operation that asks for a flush, while others are told about one, waits for the next flush.
 */
#include <errno.h>

#include <weir/tenant.h>

#include "base/container.h"
#include "memdisk.h"
#include "store/log/logs.h"
#include "store/store.h"

static struct rig rig = { .engine = "posix" };
static unsigned flushes_ended;

static int set_up(void **state)
{
	(void)state;
	memdisk_set_up(&rig, 2 << 20, 64 << 10, 3);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	memdisk_tear_down(&rig);
	return 0;
}

static void watch(const struct weir_cmd *cmd, int ended)
{
	flushes_ended += ended && cmd->op == WEIR_OP_FLUSH;
}

struct asks_twice {
	struct flush_waiter first, second;
	unsigned told_first, told_second; /* number of flushes that had completed at that time */
	int result_first, result_second;
};

static void second_flushed(struct flush_waiter *w, int result)
{
	struct asks_twice *a = container_of(w, struct asks_twice, second);

	a->told_second = flushes_ended;
	a->result_second = result;
}

static void first_flushed(struct flush_waiter *w, int result)
{
	struct asks_twice *a = container_of(w, struct asks_twice, first);

	a->told_first = flushes_ended;
	a->result_first = result;
	flush_wait(&rig.s->io, &a->second, second_flushed);
}

static void poll_some(void)
{
	int n;

	for (n = 0; n < 100; n++)
		assert_int_equal(weir_store_poll(rig.s), 0);
}

static void asked_while_told(void **state)
{
	struct asks_twice a = { 0 };

	(void)state;
	flushes_ended = 0;
	memdisk.watch = watch;
	flush_wait(&rig.s->io, &a.first, first_flushed);
	store_turn(&rig.s->io);
	poll_some();
	assert_int_equal(a.told_first, 1);
	assert_int_equal(a.told_second, 2);
}

static void told(struct flush_waiter *w, int result)
{
	struct asks_twice *a = container_of(w, struct asks_twice, first);

	a->result_first = result;
}

/* Operations that a failed flush should have served get its error, also if others wait behind
 * them. */
static void asked_while_it_fails(void **state)
{
	struct asks_twice a = { 0 };

	(void)state;
	memdisk.fail_op = WEIR_OP_FLUSH;
	memdisk.fails = 1;
	flush_wait(&rig.s->io, &a.first, told);
	store_turn(&rig.s->io);
	flush_wait(&rig.s->io, &a.second, second_flushed);
	store_turn(&rig.s->io);
	poll_some();
	assert_int_equal(a.result_first, -EIO);
	assert_int_equal(a.result_second, -EROFS);
}

/* Who asks a broken store for a flush gets none, and it does not try again and again. */
static void asked_when_broken(void **state)
{
	(void)state;
	io_break(&rig.s->io, -EIO);
	memdisk.watch = watch;
	flushes_ended = 0;
	flush_want(&rig.s->io);
	store_turn(&rig.s->io);
	poll_some();
	assert_false(flush_is_due(&rig.s->io.flusher));
	assert_int_equal(flushes_ended, 0);
}

/* A durable delete of a key that is not there, and a durable put of one that is, wait for a flush:
 * what they found may not be on the medium. */
static void found_as_wanted(void **state)
{
	struct weir_store_op ops[2] = { WEIR_STORE_OP_INIT, WEIR_STORE_OP_INIT };
	const uint32_t absent = WEIR_PUT_IF_ABSENT | WEIR_PUT_DURABLE;

	(void)state;
	memdisk.watch = watch;
	assert_int_equal(rig_put(&rig, 1, 1, 100, 0), 0);
	flushes_ended = 0;
	assert_int_equal(rig_put(&rig, 1, 2, 100, absent), -EEXIST);
	assert_int_equal(flushes_ended, 1);
	assert_int_equal(rig_delete(&rig, 1, 0), 0);
	flushes_ended = 0;
	assert_int_equal(rig_delete(&rig, 1, WEIR_PUT_DURABLE), -ENOENT);
	assert_int_equal(flushes_ended, 1);
	/* The put that it finds is under way. */
	for (unsigned n = 0; n < 2; n++) {
		ops[n].kind = WEIR_STORE_PUT;
		ops[n].key = "key";
		ops[n].key_len = 3;
		ops[n].value = "value";
		ops[n].value_len = 5;
		ops[n].flags = n ? absent : 0;
		assert_int_equal(weir_store_submit(rig.s, &ops[n]), 0);
	}
	flushes_ended = 0;
	assert_int_equal(weir_store_wait(rig.s, &ops[0], UINT64_MAX), 0);
	assert_int_equal(weir_store_wait(rig.s, &ops[1], UINT64_MAX), -EEXIST);
	assert_int_equal(flushes_ended, 1);
}

/* A put follows the key's record that is under way, into the log of that. */
static void a_key_under_way(void **state)
{
	struct weir_store_op ops[2] = { WEIR_STORE_OP_INIT, WEIR_STORE_OP_INIT };
	const struct layout *lay = rig.s->io.lay;
	char value[5];
	uint64_t hash[2];
	uint32_t stream = 0;

	(void)state;
	assert_true(weir_store_add_tenant(rig.s, "other", &stream) >= 0);
	assert_int_not_equal(stream, 0);
	assert_int_equal(weir_store_hash(rig.s, "key", 3, hash), 0);
	/* The write of the first batch, a header and a payload, does not end. */
	memdisk.hold_end = lay->data_offset + 3 * lay->block_bytes;
	for (unsigned n = 0; n < 2; n++) {
		ops[n].kind = WEIR_STORE_PUT;
		ops[n].key = "key";
		ops[n].key_len = 3;
		ops[n].value = n ? "other" : "value";
		ops[n].value_len = 5;
		ops[n].stream = (uint16_t)(n ? stream : 0);
		assert_int_equal(weir_store_submit(rig.s, &ops[n]), 0);
		while (!n && !keys_find_admitted(&rig.s->logs->keys, hash))
			assert_int_equal(weir_store_poll(rig.s), 0);
	}
	poll_some();
	assert_non_null(keys_find_admitted(&rig.s->logs->keys, hash));
	memdisk.hold_end = 0;
	assert_int_equal(weir_store_wait(rig.s, &ops[0], UINT64_MAX), 0);
	assert_int_equal(weir_store_wait(rig.s, &ops[1], UINT64_MAX), 0);
	assert_int_equal(rig.s->logs->log[0]->entries, 1);
	assert_int_equal(rig.s->logs->log[stream]->entries, 0);
	assert_int_equal(weir_store_get(rig.s, "key", 3, value, sizeof(value), NULL), 0);
	assert_memory_equal(value, "other", sizeof(value));
}

/* A flush that nobody waits for comes once, when so much of a log is not covered. It makes durable
 * what was published when it was submitted. */
static void marks(void **state)
{
	static struct flush_mark m;
	const struct logpos from = { { 1, 1 }, 1 }, to = { { 1, 2 }, 3 }, beyond = { { 1, 2 }, 9 };
	struct store_io *io = &rig.s->io;

	(void)state;
	memset(&m, 0, sizeof(m));
	flushes_ended = 0;
	memdisk.watch = watch;
	flush_mark_add(io, &m, from);
	assert_true(m.published.gen.counter == 1);
	flush_mark_pass(io, &m, FLUSH_EVERY_BYTES - 2);
	flush_mark_publish(io, &m, to, 1);
	assert_false(flush_is_due(&io->flusher));
	flush_mark_pass(io, &m, 1);
	assert_true(flush_is_due(&io->flusher));
	store_turn(io);
	assert_true(io->flusher.busy && !io->flusher.wanted);
	flush_mark_publish(io, &m, beyond, 5); /* the flush under way does not cover this */
	poll_some();
	assert_int_equal(flushes_ended, 1);
	assert_true(m.durable.gen.counter == 2 && m.durable.block == 3);
	assert_int_equal(m.durable_bytes, FLUSH_EVERY_BYTES);
	assert_int_equal(m.covered_bytes, FLUSH_EVERY_BYTES);
	flush_want(io);
	store_turn(io);
	poll_some();
	assert_int_equal(flushes_ended, 2);
	assert_true(m.durable.block == 9 && m.durable_bytes == m.published_bytes);
}

static void put_later(struct weir_store_op *op)
{
	op->kind = WEIR_STORE_PUT;
	op->key = "later";
	op->key_len = 5;
	op->value = "value";
	op->value_len = 5;
	assert_int_equal(weir_store_submit(rig.s, op), 0);
	poll_some();
}

/* Admission waits while too much of a log is not durable, and asks for a flush meanwhile. */
static void tail(void **state)
{
	struct weir_store_op op = WEIR_STORE_OP_INIT;
	struct log *l = rig.s->logs->log[0];
	unsigned before;
	uint64_t more;

	(void)state;
	assert_int_equal(rig_put(&rig, 1, 1, 100, 0), 0);
	more = TAIL_MAX_BYTES - (l->admitted_bytes - l->mark.durable_bytes);
	l->admitted_bytes += more; /* as if so much had been written */
	assert_int_equal(rig_put(&rig, 2, 1, 100, 0), 0);
	assert_true(l->admitted_bytes - l->mark.durable_bytes > TAIL_MAX_BYTES);
	memdisk.watch = watch;
	l->admitted_bytes += TAIL_MAX_BYTES;
	put_later(&op);
	assert_int_equal(weir_store_wait(rig.s, &op, 0), -ETIMEDOUT);
	/* All is covered, and the next segment has been begun, so now only the tail asks. */
	before = flushes_ended;
	flush_mark_pass(&rig.s->io, &l->mark, 1);
	log_ask(l);
	store_turn(&rig.s->io);
	poll_some();
	assert_int_equal(flushes_ended, before + 1);
	l->admitted_bytes -= more + TAIL_MAX_BYTES - 1;
	log_ask(l);
	store_turn(&rig.s->io);
	assert_int_equal(weir_store_wait(rig.s, &op, UINT64_MAX), 0);
}

/* Puts wait while the open segment is one of the reserve, until the reserve is whole again: not for
 * one segment more. */
static void reserve(void **state)
{
	struct weir_store_op op = WEIR_STORE_OP_INIT;
	struct logs *ls = rig.s->logs;
	uint32_t free_count;

	(void)state;
	assert_int_equal(rig_put(&rig, 1, 1, 100, 0), 0);
	free_count = ls->segs.free_count;
	ls->log[0]->segs.open->from_reserve = true;
	ls->segs.free_count = SEGMENTS_RESERVED - 1;
	put_later(&op);
	assert_int_equal(weir_store_wait(rig.s, &op, 0), -ETIMEDOUT);
	ls->segs.free_count = SEGMENTS_RESERVED;
	log_ask(ls->log[0]);
	store_turn(&rig.s->io);
	poll_some();
	assert_int_equal(weir_store_wait(rig.s, &op, 0), 0);
	assert_false(ls->log[0]->segs.open->from_reserve);
	ls->segs.free_count = free_count;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(asked_while_told, set_up, tear_down),
		cmocka_unit_test_setup_teardown(asked_while_it_fails, set_up, tear_down),
		cmocka_unit_test_setup_teardown(asked_when_broken, set_up, tear_down),
		cmocka_unit_test_setup_teardown(found_as_wanted, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_key_under_way, set_up, tear_down),
		cmocka_unit_test_setup_teardown(marks, set_up, tear_down),
		cmocka_unit_test_setup_teardown(tail, set_up, tear_down),
		cmocka_unit_test_setup_teardown(reserve, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
