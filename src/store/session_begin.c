/* SPDX-License-Identifier: Apache-2.0 */
/*
 * session_begin.c - reads the requests of a client, and begins them. See session.h.
 *
 * A request is not trusted: its value must lie in the memory of the session. Values of two requests
 * that overlap harm nobody but the client, whose values these are.
 */
#include <errno.h>
#include <sched.h>
#include <string.h>

#include <weir/pin.h>

#include "base/clock.h"
#include "store/session.h"

#define ASK_TRIES 1000 /* of an exists that met an index which was being changed */

static void begin_op_end(struct weir_store_op *op)
{
	/* The operation is the first member of its slot. */
	session_ended(op->user, (struct slot *)(void *)op);
}

static void begin_end(struct session *x, struct slot *slot, int result)
{
	slot->op.result = result;
	session_ended(x, slot);
}

/* Answers an exists or a lease at once: the store needs no other thread for that. */
static void begin_ask(struct session *x, struct slot *slot, bool lease, uint64_t until_ns)
{
	struct weir_store_key key = { .key = slot->key, .key_len = slot->op.key_len };
	uint64_t length = 0;
	unsigned tries = 0;
	int err;

	do {
		err = lease ? weir_store_lease(x->store, &key, 1, until_ns, &length, NULL)
			    : weir_store_exists_many(x->store, &key, 1, &length, NULL);
	} while (err == -EAGAIN && tries++ < ASK_TRIES && !sched_yield());
	slot->op.value_len = length;
	begin_end(x, slot, err ? err : (length ? 0 : -ENOENT));
}

/* Sets the operation of SLOT, whose key is there. Returns false where the value of R lies outside
 * of the memory. */
static bool begin_set(const struct session *x, struct slot *slot, const struct share_request *r)
{
	struct weir_store_op *op = &slot->op;

	*op = (struct weir_store_op)WEIR_STORE_OP_INIT;
	op->kind = r->kind;
	op->flags = r->flags;
	op->key = slot->key;
	op->key_len = r->key_len;
	op->submitter = r->submitter;
	op->prio = r->prio;
	op->end = begin_op_end;
	op->user = (void *)(uintptr_t)x;
	if (r->kind != WEIR_STORE_PUT && r->kind != WEIR_STORE_GET)
		return true;
	if (r->offset > x->arena.bytes || r->length > x->arena.bytes - r->offset)
		return false;
	op->buf = x->arena.base + r->offset;
	if (r->kind == WEIR_STORE_PUT) {
		op->value_len = r->length;
		op->stream = r->stream;
	} else {
		op->capacity = r->length;
	}
	return true;
}

static int begin_one(struct session *x, struct slot *slot, const struct share_request *r)
{
	uint64_t until = r->left_ns ? clock_deadline(clock_now(), r->left_ns) : 0;
	int err;

	slot->tag = r->tag;
	if (!begin_set(x, slot, r))
		return -EPROTO;
	switch (r->kind) {
	case SHARE_PING:
		begin_end(x, slot, 0);
		return 0;
	case SHARE_LEASE:
	case WEIR_STORE_EXISTS:
		begin_ask(x, slot, r->kind == SHARE_LEASE, until);
		return 0;
	default:
		if (r->kind >= WEIR_STORE_OP_COUNT)
			return -EPROTO;
		/* A lease's time is a deadline for it alone: a get with one is copied. */
		slot->op.deadline_ns = until;
		err = weir_store_submit(x->store, &slot->op);
		if (err)
			begin_end(x, slot, err);
		return 0;
	}
}

int session_begin(struct session *x)
{
	struct share_request r;
	size_t at = 0;
	int err = 0;

	while (!err && x->in_length - at >= sizeof(r)) {
		struct slot *slot;

		memcpy(&r, x->in + at, sizeof(r));
		if (r.key_len > SHARE_KEY_MAX)
			return -EPROTO;
		if (x->in_length - at - sizeof(r) < r.key_len)
			break;
		slot = slot_list_pop(&x->free);
		if (!slot) /* more than there are answers for */
			return -EPROTO;
		x->running++;
		memcpy(slot->key, x->in + at + sizeof(r), r.key_len);
		at += sizeof(r) + r.key_len;
		err = begin_one(x, slot, &r);
		if (err) {
			slot_list_push(&x->free, slot);
			x->running--;
		}
	}
	x->in_length -= at;
	memmove(x->in, x->in + at, x->in_length);
	return err;
}
