/* SPDX-License-Identifier: Apache-2.0 */
/*
 * flush.h - one flusher for all who wait, and how far each log is published and durable.
 */
#ifndef STORE_IO_FLUSH_H
#define STORE_IO_FLUSH_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "store/format/batch.h"
#include "store/io/op.h"
#include "store/io/sio.h"

/* A flush is submitted when so many bytes of a log were published since the last one. This is less
 * than the 64 MiB that limit what a recovery has to verify. */
#define FLUSH_EVERY_BYTES (48ull << 20)

/* A part of the store that waits for a flush. */
struct flush_waiter {
	void (*fn)(struct flush_waiter *w, int result); /* NULL: it does not wait */
	STAILQ_ENTRY(flush_waiter) link;
};

STAILQ_HEAD(flush_list, flush_waiter);

/* How far a log is published, and how far it is durable. Bytes count since the store was opened. */
struct flush_mark {
	struct logpos published;
	struct logpos covered; /* published when the flush that runs was submitted */
	struct logpos durable;
	uint64_t published_bytes, covered_bytes, durable_bytes;
	SLIST_ENTRY(flush_mark) link;
};

struct flusher {
	struct sio sio;
	bool busy;
	bool wanted; /* a flush is due, though nobody waits for it */
	struct flush_list waiting, running;
	struct flush_list joining; /* they do not ask for a flush */
	struct op_list ops_waiting, ops_running;
	SLIST_HEAD(, flush_mark) marks;
	uint64_t covered_puts;	 /* as of the submission of the flush that runs */
	uint64_t unflushed_puts; /* acknowledged as written, not covered by a flush yet */
};

void flush_init(struct flusher *f);
/* Adds M to the flusher. Everything before FROM is published. */
void flush_mark_add(struct store_io *io, struct flush_mark *m, struct logpos from);
/* Forgets all marks, before the loop knows the store. */
void flush_marks_forget(struct store_io *io);
/* Notes that everything before TO is published, BYTES more than before. */
void flush_mark_publish(struct store_io *io, struct flush_mark *m, struct logpos to,
			uint64_t bytes);
/* Notes that BYTES of a failed batch are passed over. They count, but `published` does not move
 * over them. */
void flush_mark_pass(struct store_io *io, struct flush_mark *m, uint64_t bytes);
/* Returns true if something was published since the last flush was submitted. */
static inline bool flush_mark_moved(const struct flush_mark *m)
{
	return m->published_bytes != m->covered_bytes;
}

/* Notes that a put was acknowledged which no flush covers yet. */
void flush_count_put(struct store_io *io);
/* Calls FN when a flush has ended that was submitted after this call. */
void flush_wait(struct store_io *io, struct flush_waiter *w,
		void (*fn)(struct flush_waiter *, int));
/* Does the same for the next flush that somebody else asks for, with flush_want() for example. */
void flush_join(struct store_io *io, struct flush_waiter *w,
		void (*fn)(struct flush_waiter *, int));
/* Returns true if somebody waits who does not ask for a flush. */
static inline bool flush_is_joined(const struct flusher *f)
{
	return !STAILQ_EMPTY(&f->joining);
}
/* Ends OP when a flush has ended that was submitted after this call. Its result is RESULT, or the
 * error of the flush. */
void flush_wait_op(struct store_io *io, struct weir_store_op *op, int result);
/* Asks for a flush that nobody waits for. */
void flush_want(struct store_io *io);
/* Returns true if a flush is due and none runs. */
static inline bool flush_is_due(const struct flusher *f)
{
	return !f->busy && (f->wanted || f->ops_waiting.first || !STAILQ_EMPTY(&f->waiting));
}

/* Submits the flush that is due. Called in the turn. */
void flush_run(struct store_io *io);

#endif
