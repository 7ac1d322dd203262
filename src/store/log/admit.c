/* SPDX-License-Identifier: Apache-2.0 */
/*
 * admit.c - from pending puts and deletes to batches.
 *
 * What arrives in one turn of the loop is gathered and admitted together at its end, so that
 * many small records share a write. Pending operations are one FIFO: one that waits for space
 * holds back all behind it, which keeps operations on one key in order. Here a record gets its
 * place in the log and its number; nothing is acknowledged before publish.c.
 *
 * Owns the pending list and the table of admitted records; the loop's thread.
 */
#include <errno.h>
#include <stdlib.h>

#include "store/impl.h"

/* Why an operation could not be admitted now. */
enum admit_result { ADMIT_NEXT, ADMIT_WAIT };

static struct rec **admitted_bucket(struct weir_store *s, const uint64_t hash[2])
{
	return &s->admitted[hash[0] % ADMITTED_BUCKETS];
}

struct rec *admitted_find(struct weir_store *s, const uint64_t hash[2])
{
	struct rec *r = *admitted_bucket(s, hash);

	while (r && (op_priv(r->op)->hash[0] != hash[0] || op_priv(r->op)->hash[1] != hash[1]))
		r = r->chain;
	return r;
}

void admitted_add(struct weir_store *s, struct rec *r)
{
	struct rec **head = admitted_bucket(s, op_priv(r->op)->hash);

	r->chain = *head;
	*head = r;
}

void admitted_remove(struct weir_store *s, struct rec *r)
{
	struct rec **link = admitted_bucket(s, op_priv(r->op)->hash);

	while (*link != r)
		link = &(*link)->chain;
	*link = r->chain;
}

static struct batch *batch_new(struct log *l, struct segment *seg)
{
	struct batch *b = calloc(1, sizeof(*b));

	if (!b)
		return NULL;
	b->log = l;
	b->seg = seg;
	b->last = &b->first;
	b->header_bytes = sizeof(struct disk_batch);
	return b;
}

/* Would N records more fit behind what SEG has, with HEADER bytes and PAYLOAD blocks? The room
 * for the footer is set aside here, so that sealing cannot fail for want of it. */
static bool segment_fits(const struct layout *l, const struct segment *seg, uint64_t header,
			 uint64_t payload, uint32_t n)
{
	return seg->used + layout_blocks(l, header) + payload +
		       layout_footer_blocks(l, (uint64_t)seg->records + n) <=
	       l->segment_blocks;
}

static uint32_t op_header_bytes(const struct weir_store_op *op)
{
	return batch_record_bytes(op->key_len);
}

static uint64_t op_payload_bytes(const struct weir_store_op *op)
{
	return op->kind == WEIR_STORE_PUT ? op->value_len : 0;
}

static bool batch_takes(const struct batch *b, const struct weir_store_op *op)
{
	const struct layout *l = b->log->s->lay;
	uint64_t header = b->header_bytes + op_header_bytes(op);
	uint64_t payload = b->payload_blocks + layout_blocks(l, op_payload_bytes(op));

	return b->count < BATCH_RECORDS_MAX && header <= BATCH_HEADER_MAX &&
	       ((payload + layout_blocks(l, header)) << l->block_shift) <= b->log->s->batch_bytes &&
	       segment_fits(l, b->seg, header, payload, b->count + 1);
}

/* The open segment if OP fits, or the one that was begun for this. NULL: wait for one. */
static struct segment *log_room(struct log *l, const struct weir_store_op *op)
{
	const struct layout *lay = l->s->lay;
	uint64_t header = sizeof(struct disk_batch) + op_header_bytes(op);

	if (l->open &&
	    !segment_fits(lay, l->open, header, layout_blocks(lay, op_payload_bytes(op)), 1))
		seal_close(l, l->open);
	return l->open ? l->open : segment_open_next(l);
}

/* May OP go to SEG now? */
static bool log_may_take(struct log *l, struct segment *seg, const struct weir_store_op *op)
{
	/* The tail that a recovery verifies has a bound. */
	if (l->admitted_bytes - l->durable_bytes > TAIL_MAX_BYTES) {
		if (l->published_bytes != l->flushing_bytes)
			flush_want(l->s);
		return false;
	}
	if (seg->from_reserve && l->s->free_count >= SEGMENTS_RESERVED)
		seg->from_reserve = false;
	return op->kind == WEIR_STORE_DELETE || !seg->from_reserve;
}

static void batch_take(struct batch *b, struct rec *r, struct weir_store_op *op)
{
	struct weir_store *s = b->log->s;

	r->op = op;
	r->log = b->log;
	r->length = (uint32_t)op_payload_bytes(op);
	r->flags = op->kind == WEIR_STORE_DELETE ? DISK_TOMBSTONE : 0;
	r->sequence = s->sequence++;
	op_list_init(&r->followers);
	*b->last = r;
	b->last = &r->next;
	b->count++;
	b->header_bytes += op_header_bytes(op);
	b->payload_blocks += layout_blocks(s->lay, r->length);
	admitted_add(s, r);
}

/* Makes a record of OP in *B, which is made where there is none. */
static int log_take(struct log *l, struct segment *seg, struct batch **b, struct weir_store_op *op)
{
	struct rec *r = calloc(1, sizeof(*r));

	if (r && !*b)
		*b = batch_new(l, seg);
	/* What is admitted must find room in the index when it is published. */
	if (!r || !*b || index_reserve(&l->s->index)) {
		free(r);
		return -ENOMEM;
	}
	batch_take(*b, r, op);
	return 0;
}

/* Deletes that have nothing to do write nothing. Is OP one, NEWEST being what is admitted? */
static bool log_nothing_to_delete(struct log *l, const struct weir_store_op *op,
				  const struct rec *newest)
{
	if (op->kind != WEIR_STORE_DELETE)
		return false;
	return newest ? newest->flags & DISK_TOMBSTONE
		      : !index_get(&l->s->index, op_priv(op)->hash, NULL);
}

/* "Not there" is true only when the tombstone that makes it so is written, and durable only when
 * that is flushed. A put that failed may be what makes it so: that is not there when the footer
 * says so. */
static enum admit_result log_not_there(struct log *l, struct rec *newest)
{
	struct weir_store_op *op;

	if (!newest && publish_failing(l->s))
		return ADMIT_WAIT;
	op = log_pop(l);
	if (newest) {
		op_list_add(&newest->followers, op);
	} else if (op->flags & WEIR_PUT_DURABLE) {
		flush_wait_op(l->s, op, -ENOENT);
		flush_kick(l->s);
	} else {
		op_end(l->s, op, -ENOENT);
	}
	return ADMIT_NEXT;
}

static void log_flush_batch(struct batch **b)
{
	/* All of its records may have been refused for want of memory. */
	if (*b && (*b)->count)
		batch_submit(*b);
	else
		free(*b);
	*b = NULL;
}

static enum admit_result log_admit_one(struct log *l, struct batch **b)
{
	struct weir_store_op *op = l->pending.first;
	struct rec *newest;
	struct segment *seg;
	int err;

	if (l->s->broken) {
		op_end(l->s, log_pop(l), l->s->broken);
		return ADMIT_NEXT;
	}
	newest = admitted_find(l->s, op_priv(op)->hash);
	if (log_nothing_to_delete(l, op, newest))
		return log_not_there(l, newest);
	if (*b && !batch_takes(*b, op))
		log_flush_batch(b);
	seg = *b ? (*b)->seg : log_room(l, op);
	if (!seg || !log_may_take(l, seg, op))
		return ADMIT_WAIT;
	log_pop(l);
	err = log_take(l, seg, b, op);
	if (err)
		op_end(l->s, op, err);
	return ADMIT_NEXT;
}

static void log_admit(struct weir_task *task)
{
	struct log *l = container_of(task, struct log, admit);
	struct batch *b = NULL;

	l->admit_posted = false;
	while (l->pending.first && log_admit_one(l, &b) == ADMIT_NEXT)
		;
	log_flush_batch(&b);
	segment_prepare(l);
	close_check(l->s);
}

void log_kick(struct log *l)
{
	if (l->admit_posted)
		return;
	l->admit_posted = true;
	l->admit.fn = log_admit;
	weir_queue_post(l->s->q, 0, &l->admit);
}

void log_append(struct log *l, struct weir_store_op *op)
{
	logs_claim(l->s, op, l);
	op_list_add(&l->pending, op);
	log_kick(l);
}

struct weir_store_op *log_pop(struct log *l)
{
	struct weir_store_op *op = op_list_pop(&l->pending);

	if (op)
		logs_unclaim(l->s, op);
	return op;
}

void log_init(struct log *l, struct weir_store *s, uint32_t stream)
{
	l->s = s;
	l->stream = stream;
	l->seal.log = l->reclaim.log = l->placing.log = l;
	for (uint32_t i = 0; i < BEGIN_AHEAD_MAX; i++)
		l->begin[i].log = l;
	TAILQ_INIT(&l->ahead);
	TAILQ_INIT(&l->segments);
	TAILQ_INIT(&l->sealing);
	STAILQ_INIT(&l->batches);
	op_list_init(&l->pending);
}
