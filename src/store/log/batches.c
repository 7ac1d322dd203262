/* SPDX-License-Identifier: Apache-2.0 */
/*
 * batches.c - gathers records into batches, and ends their operations.
 *
 * batch_write.c writes a batch, and publish.c takes it when it is written. This file owns struct
 * batch and struct rec and runs on the loop's thread.
 */
#include <errno.h>
#include <stdlib.h>

#include "base/check.h"
#include "store/format/batch.h"
#include "store/log/logs.h"

struct batch *batch_new(struct log *l, struct segment *seg)
{
	struct batch *b = calloc(1, sizeof(*b));

	if (!b)
		return NULL;
	CHECK(seg->log == l && seg->state == SEGMENT_OPEN);
	b->log = l;
	b->seg = seg;
	b->last = &b->first;
	b->header_bytes = sizeof(struct disk_batch);
	return b;
}

bool batch_takes(const struct batch *b, const struct weir_store_op *op)
{
	const struct layout *lay = b->log->io->lay;
	uint64_t header = b->header_bytes + batch_record_bytes(op->key_len);
	uint64_t payload = b->payload_blocks + layout_blocks(lay, batch_payload_bytes(op));
	/* Survivors in small batches would take more than their segment gives back. */
	uint64_t most = op->kind == OP_SURVIVOR ? lay->segment_bytes : b->log->all->batch_bytes;

	return b->count < BATCH_RECORDS_MAX && header <= BATCH_HEADER_MAX &&
	       ((payload + layout_blocks(lay, header)) << lay->block_shift) <= most &&
	       segment_fits(lay, b->seg, header, payload, b->count + 1);
}

/* Law kept-number: each record gets a new sequence number, except one that is appended again, which
 * keeps its number. */
int batch_take(struct batch *b, struct weir_store_op *op)
{
	struct logs *ls = b->log->all;
	struct rec *r = calloc(1, sizeof(*r));

	/* An admitted record must find room in the index when it is published. */
	if (!r || index_reserve(&ls->index)) {
		free(r);
		return -ENOMEM;
	}
	r->op = op;
	r->log = b->log;
	r->length = (uint32_t)batch_payload_bytes(op);
	r->flags = op->kind == WEIR_STORE_DELETE ? DISK_TOMBSTONE
		   : op->kind == OP_SURVIVOR	 ? DISK_AGAIN
						 : 0;
	CHECK(r->flags & DISK_TOMBSTONE || r->length);
	r->sequence = op->kind == OP_SURVIVOR ? survivor_of(op)->sequence : ls->sequence++;
	op_list_init(&r->followers);
	*b->last = r;
	b->last = &r->next;
	b->count++;
	b->header_bytes += batch_record_bytes(op->key_len);
	b->put_bytes += op->kind == WEIR_STORE_PUT ? r->length : 0;
	b->payload_blocks += layout_blocks(ls->io->lay, r->length);
	keys_add_admitted(&ls->keys, r);
	return 0;
}

void batch_follow(struct rec *r, struct weir_store_op *op)
{
	CHECK(r->flags & DISK_TOMBSTONE ? op->kind == WEIR_STORE_DELETE
					: (op->flags & WEIR_PUT_IF_ABSENT) != 0);
	op_list_add(&r->followers, op);
}

void batch_supersede(struct rec *newer, struct weir_store_op *survivor)
{
	CHECK(survivor->kind == OP_SURVIVOR);
	op_list_add(&newer->followers, survivor);
}

/* Ends a survivor: it was appended again, or a newer record was published. */
static void batch_end_survivor(struct weir_store_op *op, int result)
{
	op->result = result;
	op->end(op);
}

/* Ends an operation that follows a record. */
static void batch_end_follower(struct logs *ls, struct weir_store_op *op, int result)
{
	struct log *l = ls->log[op_priv(op)->log];
	int found = op->kind == WEIR_STORE_DELETE ? -ENOENT : -EEXIST;

	if (op->kind == OP_SURVIVOR && result) {
		op_list_add(&l->survivors, op);
		log_ask(l);
	} else if (op->kind == OP_SURVIVOR) {
		batch_end_survivor(op, 0);
	} else if (!result && op->flags & WEIR_PUT_DURABLE) {
		flush_wait_op(ls->io, op, found);
	} else {
		op_end(ls->io, op, result ? result : found);
	}
}

static void batch_end_followers(struct logs *ls, struct op_list *followers, int result)
{
	struct weir_store_op *op;

	while ((op = op_list_pop(followers)))
		batch_end_follower(ls, op, result);
}

/*
 * Ends R's operation and its followers, and frees R.
 *
 * Law durable (batch_end_follower): a durable operation ends when a flush has completed that was
 * submitted after its batch, and all earlier ones of its log, were written.
 */
static void batch_end_rec(struct logs *ls, struct rec *r, int result)
{
	struct op_list followers;
	struct weir_store_op *op = r->op;

	/* The end of the list may point into the record, which is freed here. */
	op_list_init(&followers);
	op_list_append(&followers, &r->followers);
	keys_remove_admitted(&ls->keys, r);
	index_unreserve(&ls->index);
	free(r);
	if (op->kind == OP_SURVIVOR)
		batch_end_survivor(op, result);
	else if (!result && op->flags & WEIR_PUT_DURABLE)
		flush_wait_op(ls->io, op, 0);
	else
		op_end(ls->io, op, result);
	batch_end_followers(ls, &followers, result);
}

void batch_end(struct batch *b, int result)
{
	struct logs *ls = b->log->all;
	struct rec *r, *next;

	for (r = b->first; r; r = next) {
		next = r->next;
		batch_end_rec(ls, r, result);
	}
	free(b);
}

bool batch_writes(const struct log *l)
{
	const struct batch *b;

	STAILQ_FOREACH(b, &l->batches, link)
		if (!b->ended)
			return true;
	return false;
}
