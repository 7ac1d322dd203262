/* SPDX-License-Identifier: Apache-2.0 */
/*
 * survive.c - appends again what should survive of a segment that is reclaimed.
 *
 * A job goes through the batch headers of the segment, because keys are only there. It chooses
 * entries by the rule of the reclaim, until they fill a part of bounded size; reads their payloads
 * at depth, and verifies them; lets them be admitted like puts; and continues when the last one is
 * published. Entries that have moved are no longer found at their old place. A batch of which only
 * some entries fitted into a part is looked at again, from the first of the others on.
 *
 * A read that fails for good says nothing about the bytes: what it was to bring stays where it is,
 * and the reclaim learns that the segment must not be freed. This file owns struct survive and
 * struct survivor. It runs on the loop's thread.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/evict.h"
#include "store/log/logs.h"
#include "store/log/survive.h"

#define SURVIVE_WINDOW (64u << 10) /* bytes of a read that looks for headers */
/* One part has so many bytes of payloads and so many entries, or a single entry that is longer. */
#define SURVIVE_PART_BYTES (4u << 20)
#define SURVIVE_PART_ENTRIES 1024u
/* A read that fails, or brings something that does not verify, is tried so often in all. */
#define SURVIVE_TRIES 3u

static void survive_read_window(struct survive *v);

static struct survive *survive_of(struct job *job)
{
	return container_of(job, struct survive, job);
}

/*
 * Returns true if RULE keeps the entry of HASH, with FLAGS, which takes BYTES; these are then taken
 * off its budget. Otherwise the entry cannot be held any more.
 *
 * Law pinned-stays: an entry that a pin or a lease holds survives its segment, and so does one that
 * was read, within the budget.
 */
static bool survive_keeps(struct logs *ls, struct survive_rule *rule, const uint64_t hash[2],
			  uint16_t flags, uint64_t bytes)
{
	if (flags & INDEX_DAMAGED)
		return false;
	if (rule->all)
		return true;
	return evict_keeps(&rule->budget, flags & INDEX_READ, bytes) || !hold_let_go(ls, hash);
}

/* Returns the bytes that a record takes in a segment, its share of the footer included. */
static uint64_t survive_cost(const struct layout *lay, uint64_t length, uint32_t key_len)
{
	return ((uint64_t)layout_blocks(lay, length) << lay->block_shift) +
	       batch_record_bytes(key_len) + sizeof(struct disk_entry);
}

bool survive_expected(struct logs *ls, const struct segment *seg, struct survive_rule rule,
		      const void *buf, size_t bytes)
{
	const struct layout *lay = ls->io->lay;
	const struct disk_entry *disk = buf;
	struct index_value value;
	struct footer_entry e;
	struct footer f;

	if (!entries_footer(ls, seg, &f, buf, bytes))
		return true;
	for (uint32_t n = 0; n < f.count; n++) {
		footer_entry_decode(&e, &disk[n]);
		if (!(e.flags & DISK_TOMBSTONE) && logs_find(ls, e.hash, &value) &&
		    value.position == layout_position(lay, seg->number, e.block) &&
		    survive_keeps(ls, &rule, e.hash, value.flags,
				  survive_cost(lay, value.length, e.key_len)))
			return true;
	}
	return false;
}

static void survivor_free(struct survivor *s)
{
	bufpool_put(&s->of->job.log->io->pool, (void *)(uintptr_t)s->op.value, s->buf_bytes);
	free(s);
}

/* Whether an entry of a segment is kept. */
struct survive_look {
	struct logs *ls;
	struct survive_rule rule;
	bool keeps;
};

static void survive_look_at(const uint64_t hash[2], const struct index_value *value, void *user)
{
	struct survive_look *look = user;

	if (!look->keeps)
		look->keeps = survive_keeps(look->ls, &look->rule, hash, value->flags,
					    survive_cost(look->ls->io->lay, value->length, 1));
}

/* Returns true if the rule keeps an entry that still lives in the segment, as the index says. */
static bool survive_left(const struct survive *v)
{
	struct survive_look look = { v->job.log->all, v->rule, false };

	logs_each_in(v->job.log->all, v->job.seg, survive_look_at, &look);
	return look.keeps;
}

static void survive_end(struct survive *v, int result)
{
	CHECK(!v->chosen.first && !v->reading && !v->under_way);
	job_drop_memory(&v->job);
	/* What leaves the store by the policy need not be read. */
	if (!result && v->hidden && !v->unread)
		v->unread = survive_left(v);
	v->next(&v->job, result);
}

/* Ends a survivor: it is published or superseded, or it could not be written. */
static void survivor_ended(struct weir_store_op *op)
{
	struct survivor *s = survivor_of(op);
	struct survive *v = s->of;

	CHECK(op->kind == OP_SURVIVOR && v->under_way > 0);
	if (op->result && !v->error)
		v->error = op->result;
	survivor_free(s);
	if (!--v->under_way)
		job_wake(&v->job, 0);
}

static void survive_all_ended(struct job *job, int result)
{
	struct survive *v = survive_of(job);

	(void)result;
	if (v->error)
		survive_end(v, v->error);
	else
		survive_read_window(v);
}

/* Drops a survivor whose payload is damaged, or could not be read. The index finds it as long as
 * its segment is not free; one that may be intact keeps the segment from that. */
static void survivor_stays(struct survivor *s)
{
	struct logs *ls = s->of->job.log->all;
	const uint64_t *hash = op_priv(&s->op)->hash;
	struct index_value now;

	if (!s->unread)
		entries_mark_damaged(ls, hash, s->position);
	/* A newer value may have been put since it was chosen: then nobody misses this one. */
	else if (logs_find(ls, hash, &now) && now.position == s->position)
		s->of->unread = true;
	survivor_free(s);
}

/* Lets the survivors whose payloads were read be admitted. */
static void survive_loaded(struct job *job, int result)
{
	struct survive *v = survive_of(job);
	struct log *l = job->log;
	struct weir_store_op *op;

	(void)result;
	while ((op = op_list_pop(&v->chosen))) {
		if (survivor_of(op)->bad) {
			survivor_stays(survivor_of(op));
			continue;
		}
		op_list_add(&l->survivors, op);
		v->under_way++;
	}
	v->chosen_bytes = 0;
	if (!v->under_way) {
		survive_read_window(v);
		return;
	}
	log_ask(l);
	job_wait(job, survive_all_ended);
}

static void survivor_read(struct survivor *s);

/* Law damaged-again: a payload that does not verify is not appended again; its entry is counted as
 * damaged, unless one of the reads failed. */
static void survivor_read_done(struct sio *sio, int result)
{
	struct survivor *s = container_of(sio, struct survivor, sio);
	const struct store_io *io = sio->store;
	struct segment *seg = s->of->job.seg;
	struct checksum_place place = { seg->number, layout_position_block(io->lay, s->position),
					seg->gen };

	s->bad = result || checksum_data(&io->key, CHECKSUM_PAYLOAD, place, s->op.value,
					 s->op.value_len) != s->checksum;
	s->unread |= result != 0;
	if (s->bad && ++s->tries < SURVIVE_TRIES) {
		survivor_read(s);
		return;
	}
	CHECK(s->of->reading > 0);
	if (!--s->of->reading)
		job_wake(&s->of->job, 0);
}

static void survivor_read(struct survivor *s)
{
	struct store_io *io = s->of->job.log->io;

	weir_io_read(&s->sio.io, io->lay->data_offset + (s->position << io->lay->block_shift),
		     s->op.buf, s->buf_bytes);
	urgency_of_reclaim(&s->sio.io);
	sio_submit(io, &s->sio, survivor_read_done);
}

/* Reads the payloads of the survivors that were chosen, or looks on if there are none. */
static void survive_load(struct survive *v)
{
	struct weir_store_op *op;

	if (!v->chosen.first) {
		if (v->error)
			survive_end(v, v->error);
		else
			survive_read_window(v);
		return;
	}
	v->error = 0; /* what there was no memory for belongs to the next part */
	v->reading = v->chosen.count;
	for (op = v->chosen.first; op; op = op_priv(op)->next)
		survivor_read(survivor_of(op));
	job_wait(&v->job, survive_loaded);
}

static struct survivor *survivor_new(struct survive *v, const struct batch_record *r,
				     const uint64_t hash[2], const struct index_value *value)
{
	struct store_io *io = v->job.log->io;
	struct survivor *s = calloc(1, sizeof(*s) + r->key_len);

	if (!s)
		return NULL;
	s->of = v;
	s->buf_bytes = (size_t)layout_blocks(io->lay, value->length) << io->lay->block_shift;
	s->op.kind = OP_SURVIVOR;
	s->op.prio = URGENCY_RECLAIM;
	s->op.end = survivor_ended;
	s->op.buf = bufpool_get(&io->pool, s->buf_bytes);
	if (!s->op.buf) {
		free(s);
		return NULL;
	}
	memcpy(s->key, r->key, r->key_len);
	s->op.key = s->key;
	s->op.key_len = r->key_len;
	s->op.value_len = value->length;
	op_priv(&s->op)->hash[0] = hash[0];
	op_priv(&s->op)->hash[1] = hash[1];
	op_priv(&s->op)->log = v->job.log->stream;
	s->position = value->position;
	s->checksum = value->checksum;
	s->sequence = r->sequence;
	s->keeps_read = v->rule.all;
	return s;
}

/* Returns true if this part has no room for another survivor with BYTES of payload. */
static bool survive_is_full(const struct survive *v, uint64_t bytes)
{
	return v->chosen.count && (v->chosen_bytes + bytes > SURVIVE_PART_BYTES ||
				   v->chosen.count >= SURVIVE_PART_ENTRIES);
}

/* Chooses the entry of record R if it lives here and should survive. */
static void survive_record(struct survive *v, const struct batch_record *r)
{
	struct logs *ls = v->job.log->all;
	const struct layout *lay = ls->io->lay;
	struct index_value value;
	struct survivor *s;
	uint64_t hash[2];

	if (r->flags & DISK_TOMBSTONE)
		return;
	checksum_identity(&ls->io->key, r->key, r->key_len, hash);
	if (!logs_find(ls, hash, &value) ||
	    value.position != layout_position(lay, v->job.seg->number, r->block))
		return;
	v->stop = survive_is_full(v, value.length);
	if (v->stop || !survive_keeps(ls, &v->rule, hash, value.flags,
				      survive_cost(lay, value.length, r->key_len)))
		return;
	s = survivor_new(v, r, hash, &value);
	if (!s) {
		v->error = -ENOMEM;
		v->stop = true;
		return;
	}
	v->chosen_bytes += s->buf_bytes;
	v->payload_bytes += s->buf_bytes;
	v->cost_bytes += survive_cost(lay, value.length, r->key_len);
	op_list_add(&v->chosen, &s->op);
}

/* Handles a place that has no batch header. Returns how many blocks to go on; 0: read it again. */
static uint32_t survive_no_header(struct survive *v)
{
	if (!v->scanning && ++v->tries < SURVIVE_TRIES)
		return 0;
	v->scanning = true;
	v->tries = 0;
	v->handled = 0;
	return 1;
}

/* Handles the batch at byte FROM of the window. Returns how many blocks to go on; 0: it needs
 * another window, or another part. */
static uint32_t survive_batch(struct survive *v, size_t from)
{
	const struct segment *seg = v->job.seg;
	const struct store_io *io = v->job.log->io;
	struct checksum_place place = { seg->number, v->block, seg->gen };
	const uint8_t *buf = (const uint8_t *)v->job.buf + from;
	uint64_t bytes, left = (uint64_t)(seg->end - v->block) << io->lay->block_shift;
	struct batch_header h;
	struct batch_record r;
	uint32_t at = 0, n = 0;

	if (!batch_peek(buf, place, io->lay, &bytes) || bytes > left)
		return survive_no_header(v);
	if (bytes > v->window_bytes - from) {
		v->need = bytes;
		return 0;
	}
	if (!batch_decode(&h, buf, place, io->lay, &io->key))
		return survive_no_header(v);
	while (!v->stop && batch_next(buf, &h, &at, &r)) {
		if (n++ < v->handled)
			continue;
		survive_record(v, &r);
		v->handled += !v->stop;
	}
	v->scanning = false;
	v->tries = 0;
	if (v->stop)
		return 0;
	v->handled = 0;
	return h.blocks;
}

/* Handles a window that could not be read. One bad block in it must not hide the header: it is read
 * alone, then passed. */
static void survive_unread(struct survive *v)
{
	uint32_t blocks = 0;

	if (v->window_bytes == v->job.log->io->lay->block_bytes || v->tries)
		blocks = survive_no_header(v);
	else
		v->tries++;
	/* The records of its batch, if there is one, are not known. */
	v->hidden |= blocks > 0;
	v->block += blocks;
}

static void survive_window(struct job *job, int result)
{
	struct survive *v = survive_of(job);
	const struct layout *lay = job->log->io->lay;
	size_t from = 0;
	uint32_t blocks = 1;

	v->need = 0;
	v->stop = false;
	if (result) {
		survive_unread(v);
		survive_read_window(v);
		return;
	}
	while (blocks && from < v->window_bytes) {
		blocks = survive_batch(v, from);
		v->block += blocks;
		from += (size_t)blocks << lay->block_shift;
	}
	survive_load(v);
}

/* Takes memory for a window of LENGTH bytes, unless the job has it already. */
static int survive_memory(struct survive *v, uint64_t length)
{
	if (v->job.buf && v->job.bytes >= length)
		return 0;
	job_drop_memory(&v->job);
	return job_take_memory(&v->job, length < SURVIVE_WINDOW ? SURVIVE_WINDOW : length);
}

/* Reads the segment from V->block on, to find headers. */
static void survive_read_window(struct survive *v)
{
	const struct segment *seg = v->job.seg;
	const struct layout *lay = v->job.log->io->lay;
	uint64_t left, length = v->tries ? lay->block_bytes : SURVIVE_WINDOW;

	if (v->block >= seg->end) {
		survive_end(v, 0);
		return;
	}
	/* What has moved is found at its new place, and the rest stays where it is. */
	if (marks_may_stop(v->job.log->all)) {
		survive_end(v, -ECANCELED);
		return;
	}
	if (length < v->need)
		length = v->need;
	left = (uint64_t)(seg->end - v->block) << lay->block_shift;
	v->window_bytes = left < length ? left : length;
	if (survive_memory(v, v->window_bytes))
		survive_end(v, -ENOMEM);
	else
		job_read_part(&v->job, v->block, v->window_bytes, survive_window);
}

void survive_begin(struct survive *v, void (*next)(struct job *job, int result))
{
	CHECK(v->job.seg && v->job.seg->state == SEGMENT_RECLAIMING);
	v->next = next;
	v->block = 1;
	op_list_init(&v->chosen);
	survive_read_window(v);
}
