/* SPDX-License-Identifier: Apache-2.0 */
/*
 * admit.c - makes batches from pending puts and deletes.
 *
 * The pending operations of a log are one FIFO. One that waits for space holds back all behind it,
 * which keeps operations on one key in order. A record gets its position and its sequence number
 * here. Nothing is acknowledged before publish.c. This file owns the pending list and runs on the
 * loop's thread.
 */
#include <errno.h>
#include <stdlib.h>

#include <weir/pin.h>

#include "base/check.h"
#include "queue/loop.h"
#include "store/log/hold.h"
#include "store/log/logs.h"
#include "store/log/refuse.h"

enum admit_result { ADMIT_NEXT, ADMIT_WAIT, ADMIT_LATER };

/* Returns the open segment if OP fits into it, otherwise the next one. NULL: OP must wait for a
 * segment. */
static struct segment *admit_segment(struct log *l, const struct weir_store_op *op)
{
	const struct layout *lay = l->io->lay;
	uint64_t header = sizeof(struct disk_batch) + batch_record_bytes(op->key_len);
	uint32_t payload = layout_blocks(lay, batch_payload_bytes(op));

	if (l->segs.open && !segment_fits(lay, l->segs.open, header, payload, 1)) {
		segment_close(l->segs.open);
		log_ask(l);
	}
	if (l->segs.open)
		return l->segs.open;
	if (!segment_is_ready(l) || !log_placement_ready(l))
		return NULL;
	if (op->kind != OP_SURVIVOR)
		marks_note_put(l->all);
	return segment_open(l);
}

/* Returns true if OP may go to SEG now. */
static bool admit_may_take(struct log *l, struct segment *seg, const struct weir_store_op *op)
{
	CHECK(l->admitted_bytes >= l->mark.durable_bytes);
	/* Law tail-bound: admission waits while too many bytes of the log are not durable,
	 * because a recovery verifies all of them. */
	if (l->admitted_bytes - l->mark.durable_bytes > TAIL_MAX_BYTES) {
		if (flush_mark_moved(&l->mark))
			flush_want(l->io);
		return false;
	}
	if (seg->from_reserve && l->all->segs.free_count >= SEGMENTS_RESERVED)
		segment_open_to_puts(seg);
	/* Law reserve: puts do not use the segments in reserve, so that deletes work on a full
	 * store. */
	return op->kind != WEIR_STORE_PUT || !seg->from_reserve;
}

/* Makes a record of OP in *B; makes *B first if it is NULL. */
static int admit_take(struct log *l, struct segment *seg, struct batch **b,
		      struct weir_store_op *op)
{
	if (!*b)
		*b = batch_new(l, seg);
	return *b ? batch_take(*b, op) : -ENOMEM;
}

/* Returns true if OP is a delete of an absent key, which writes nothing. NEWEST is the admitted
 * record of its key, or NULL. */
static bool admit_nothing_to_delete(const struct log *l, const struct weir_store_op *op,
				    const struct rec *newest)
{
	if (op->kind != WEIR_STORE_DELETE)
		return false;
	return newest ? newest->flags & DISK_TOMBSTONE
		      : !index_get(&l->all->index, op_priv(op)->hash, NULL);
}

/* Ends a delete of an absent key. It may be acknowledged only when the tombstone (or the failed
 * put) that made the key absent is itself settled: written, and flushed if the delete is to be
 * durable. A failed put is settled when a footer leaves it out. */
static enum admit_result admit_not_there(struct log *l, struct rec *newest)
{
	struct weir_store_op *op;

	/* Law absent: a delete of an absent key ends only when what made the key absent is
	 * settled. */
	if (!newest && l->all->segs.failing)
		return ADMIT_WAIT;
	op = log_pop(l);
	if (newest)
		batch_follow(newest, op);
	else if (op->flags & WEIR_PUT_DURABLE)
		flush_wait_op(l->io, op, -ENOENT);
	else
		op_end(l->io, op, -ENOENT);
	return ADMIT_NEXT;
}

/* Returns true if OP is a delete that leaves alone what is held, and its entry is. */
static bool admit_is_held(const struct log *l, const struct weir_store_op *op)
{
	return op->kind == WEIR_STORE_DELETE && op->flags & WEIR_DELETE_UNHELD &&
	       hold_has(l->all, op_priv(op)->hash);
}

/* Returns true if OP is a put that only an absent key gets, and its key is not absent. NEWEST is
 * the admitted record of its key, or NULL. What is being evicted is there until it is gone, as it
 * is for a get: its eviction may be given up, and then this put would have replaced it. */
static bool admit_is_there(const struct log *l, const struct weir_store_op *op,
			   const struct rec *newest)
{
	if (op->kind != WEIR_STORE_PUT || !(op->flags & WEIR_PUT_IF_ABSENT))
		return false;
	if (newest)
		return !(newest->flags & DISK_TOMBSTONE);
	return index_get(&l->all->index, op_priv(op)->hash, NULL);
}

/* Ends a put of a key that is there. If that put is under way, this one waits for its result: it
 * may fail, and then the key has no value. */
static enum admit_result admit_there(struct log *l, struct rec *newest)
{
	struct weir_store_op *op = log_pop(l);

	if (newest)
		batch_follow(newest, op);
	else if (op->flags & WEIR_PUT_DURABLE)
		flush_wait_op(l->io, op, -EEXIST);
	else
		op_end(l->io, op, -EEXIST);
	return ADMIT_NEXT;
}

/* Returns the operation that is admitted next, or NULL. Survivors come first: the space that puts
 * wait for becomes free only behind them. */
static struct weir_store_op *admit_first(const struct log *l)
{
	return l->survivors.first ? l->survivors.first : l->pending.first;
}

static struct weir_store_op *admit_pop(struct log *l)
{
	return l->survivors.first ? op_list_pop(&l->survivors) : log_pop(l);
}

/* Ends an operation that is not admitted. */
static void admit_refuse(struct log *l, struct weir_store_op *op, int result)
{
	if (op->kind == OP_SURVIVOR) {
		op->result = result;
		op->end(op);
		return;
	}
	op_end(l->io, op, result);
}

/* Drops OP, a survivor, if the place that it was read from is not the newest admitted version of
 * its key. NEWEST is the newest record under way, or NULL. */
static bool admit_superseded(struct log *l, struct weir_store_op *op, struct rec *newest)
{
	struct index_value value;

	if (op->kind != OP_SURVIVOR)
		return false;
	/* Law survivor: an entry is appended again only if the place that it was read from is still
	 * the newest admitted version of its key. */
	if (newest)
		batch_supersede(newest, admit_pop(l));
	else if (!logs_find(l->all, op_priv(op)->hash, &value) ||
		 value.position != survivor_of(op)->position)
		admit_refuse(l, admit_pop(l), 0);
	else
		return false;
	return true;
}

static void admit_submit(struct batch **b)
{
	/* All of its records may have been refused because there was no memory. */
	if (*b && (*b)->count)
		batch_submit(*b);
	else
		free(*b);
	*b = NULL;
}

static enum admit_result admit_one(struct log *l, struct batch **b)
{
	struct weir_store_op *op = admit_first(l);
	struct rec *newest;
	struct segment *seg;
	int err;

	if (l->io->broken) {
		admit_refuse(l, admit_pop(l), l->io->broken);
		return ADMIT_NEXT;
	}
	/* The alarm may ring late; after this the value is read. */
	if (op->deadline_ns && op->deadline_ns <= loop_now(l->io->q)) {
		op_end(l->io, log_pop(l), -ETIMEDOUT);
		return ADMIT_NEXT;
	}
	newest = keys_find_admitted(&l->all->keys, op_priv(op)->hash);
	if (admit_superseded(l, op, newest))
		return ADMIT_NEXT;
	if (admit_nothing_to_delete(l, op, newest))
		return admit_not_there(l, newest);
	if (admit_is_there(l, op, newest))
		return admit_there(l, newest);
	if (admit_is_held(l, op)) {
		op_end(l->io, log_pop(l), -EBUSY);
		return ADMIT_NEXT;
	}
	if (*b && !batch_takes(*b, op))
		admit_submit(b);
	if (!*b && pass_is_over(l->all))
		return ADMIT_LATER;
	/* What is over the write budget is refused before space is made for it. */
	if (refuse_put(l, op, newest)) {
		op_end(l->io, log_pop(l), -EDQUOT);
		return ADMIT_NEXT;
	}
	seg = *b ? (*b)->seg : admit_segment(l, op);
	if (!seg || !admit_may_take(l, seg, op) || !room_has(l, *b ? (*b)->put_bytes : 0, op))
		return ADMIT_WAIT;
	admit_pop(l);
	CHECK(seg == l->segs.open);
	err = admit_take(l, seg, b, op);
	if (err)
		admit_refuse(l, op, err);
	else if (op->kind != OP_SURVIVOR)
		l->all->fruitless = 0;
	return ADMIT_NEXT;
}

/* Lets the survivors fail, or the oldest operation, instead of waiting for space or memory. */
static void admit_fail(struct log *l)
{
	int err = l->fail;

	l->fail = 0;
	if (!l->survivors.first && l->pending.first) {
		op_priv(l->pending.first)->noted = l->fail_unread ? OP_NOTE_UNREAD : OP_NOTE_NONE;
		op_end(l->io, log_pop(l), err);
	}
	l->fail_unread = false;
	while (l->survivors.first)
		admit_refuse(l, admit_pop(l), err);
}

/* Law key-order (admit_one): operations of a log are admitted in the order in which they came; one
 * that waits for space has no position, and holds back those behind it. */
static void admit_log(struct log *l)
{
	enum admit_result result = ADMIT_NEXT;
	struct batch *b = NULL;

	if (l->fail)
		admit_fail(l);
	room_begin(l);
	while (admit_first(l) && result == ADMIT_NEXT)
		result = admit_one(l, &b);
	admit_submit(&b);
	if (result == ADMIT_LATER)
		pass_put_off(l);
	room_end(l);
}

void logs_admit(struct logs *ls)
{
	uint32_t first = ls->admits & ls->pass.first, rest = ls->admits & ~ls->pass.first;
	struct log *l;

	LOGS_IN(ls, l, first)
	admit_log(l);
	LOGS_IN(ls, l, rest)
	admit_log(l);
}
