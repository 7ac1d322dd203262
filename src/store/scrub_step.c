/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scrub_step.c - reads one value for a scrub, and drops one entry. Each step is an operation on the
 * store's loop; the thread that scrubs waits for it and owns the memory.
 */
#include "base/container.h"
#include "store/scrub_step.h"

/* Finds out whether programs use S now, besides this step. */
static void scrub_step_look(struct weir_store *s, struct scrub_step *step)
{
	const struct io_counts *counts = &s->io.counts;
	uint64_t ended = counts->puts + counts->gets + counts->deletes;

	step->busy = s->io.ops > 1 || (step->s == s && step->seen != ended);
	step->s = s;
	step->seen = ended;
}

static void scrub_step_read_done(struct sio *sio, int result)
{
	struct scrub_step *step = container_of(sio, struct scrub_step, sio);

	logs_unpin(step->seg);
	if (result)
		words_note_io(&step->op, &sio->io);
	op_end(&step->s->io, &step->op, result ? sio_error(result) : 0);
}

static void scrub_step_begin_read(struct weir_store *s, struct weir_store_op *op)
{
	struct scrub_step *step = op_priv(op)->private;
	const struct layout *l = s->io.lay;
	size_t bytes;

	scrub_step_look(s, step);
	if (!logs_find(s->logs, step->hash, &step->value)) {
		op_end(&s->io, op, -ENOENT);
		return;
	}
	bytes = (size_t)layout_blocks(l, step->value.length) << l->block_shift;
	if (bytes > step->room) {
		op_end(&s->io, op, -EMSGSIZE);
		return;
	}
	step->seg = logs_segment_of(s->logs, &step->value);
	step->place = (struct checksum_place){ step->seg->number,
					       layout_position_block(l, step->value.position),
					       step->seg->gen };
	/* The segment is not written over while it is read. */
	logs_pin(step->seg);
	weir_io_read(&step->sio.io, l->data_offset + (step->value.position << l->block_shift),
		     step->buf, bytes);
	step->sio.io.flags = WEIR_IO_BACKGROUND;
	step->sio.io.prio = WEIR_PRIO_IDLE;
	sio_submit(&s->io, &step->sio, scrub_step_read_done);
}

static void scrub_step_dropped(struct weir_store_op *tombstone)
{
	struct scrub_step *step = tombstone->user;

	op_end(&step->s->io, &step->op, tombstone->result);
}

/* Appends a tombstone, unless a newer record of the key is there or on its way: the tombstone would
 * drop that one. */
static void scrub_step_begin_drop(struct weir_store *s, struct weir_store_op *op)
{
	struct scrub_step *step = op_priv(op)->private;
	struct index_value now;

	if (!logs_find(s->logs, step->hash, &now) || now.position != step->value.position ||
	    !logs_is_settled(s->logs, step->hash)) {
		op_end(&s->io, op, -EAGAIN);
		return;
	}
	step->s = s;
	step->tombstone = (struct weir_store_op){ .kind = WEIR_STORE_DELETE,
						  .flags = OP_DAMAGED,
						  .key = step->key,
						  .key_len = step->key_len,
						  .end = scrub_step_dropped,
						  .user = step };
	op_run_here(s, &step->tombstone);
}

static int scrub_step_run(struct weir_store *s, struct scrub_step *step,
			  void (*run)(struct weir_store *s, struct weir_store_op *op))
{
	int err;

	step->inner.run = run;
	err = op_post_inner(s, &step->op, &step->inner);
	return err ? err : wait_op(s, &step->op);
}

int scrub_step_read(struct weir_store *s, struct scrub_step *step)
{
	return scrub_step_run(s, step, scrub_step_begin_read);
}

int scrub_step_drop(struct weir_store *s, struct scrub_step *step)
{
	return scrub_step_run(s, step, scrub_step_begin_drop);
}
