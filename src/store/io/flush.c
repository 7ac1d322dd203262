/* SPDX-License-Identifier: Apache-2.0 */
/*
 * flush.c - one flusher that serves all who wait.
 *
 * A flush covers the writes that had completed when it was submitted. So those who come while a
 * flush runs wait for the next one, which serves all of them. This file owns the lists of waiters
 * and the marks of the logs. It runs on the loop's thread.
 */
#include "base/check.h"
#include "store/io/io.h"

void flush_init(struct flusher *f)
{
	STAILQ_INIT(&f->waiting);
	STAILQ_INIT(&f->running);
	STAILQ_INIT(&f->joining);
	op_list_init(&f->ops_waiting);
	op_list_init(&f->ops_running);
	SLIST_INIT(&f->marks);
}

void flush_mark_add(struct store_io *io, struct flush_mark *m, struct logpos from)
{
	m->published = from;
	SLIST_INSERT_HEAD(&io->flusher.marks, m, link);
}

void flush_marks_forget(struct store_io *io)
{
	SLIST_INIT(&io->flusher.marks);
}

void flush_mark_pass(struct store_io *io, struct flush_mark *m, uint64_t bytes)
{
	CHECK(m->durable_bytes <= m->covered_bytes && m->covered_bytes <= m->published_bytes);
	/* Law tail-flush: a log is flushed often enough that a recovery has a bounded tail to
	 * verify. */
	m->published_bytes += bytes;
	if (m->published_bytes - m->covered_bytes >= FLUSH_EVERY_BYTES)
		io->flusher.wanted = true;
}

void flush_mark_publish(struct store_io *io, struct flush_mark *m, struct logpos to, uint64_t bytes)
{
	CHECK(logpos_compare(m->published, to) < 0);
	m->published = to;
	flush_mark_pass(io, m, bytes);
}

void flush_count_put(struct store_io *io)
{
	io->flusher.unflushed_puts++;
}

/* The waiters that a flush serves. They are taken out of the flusher first, because a waiter that
 * is told may wait again. */
struct flush_served {
	struct flush_list list;
	struct op_list ops;
};

static void flush_serve(struct flush_served *to, struct flush_list *list, struct op_list *ops)
{
	STAILQ_INIT(&to->list);
	STAILQ_CONCAT(&to->list, list);
	op_list_init(&to->ops);
	op_list_append(&to->ops, ops);
}

/* Gives SERVED the result of FLUSH; NULL: no flush was submitted, because the store is broken. */
static void flush_tell(struct store_io *io, struct flush_served *served, int result,
		       const struct weir_io *flush)
{
	void (*fn)(struct flush_waiter *, int);
	struct flush_waiter *w;
	struct weir_store_op *op;

	while ((w = STAILQ_FIRST(&served->list))) {
		STAILQ_REMOVE_HEAD(&served->list, link);
		fn = w->fn;
		w->fn = NULL;
		fn(w, result);
	}
	while ((op = op_list_pop(&served->ops))) {
		if (result && flush)
			words_note_io(op, flush);
		op_end(io, op, result ? result : op->result);
	}
}

static void flush_succeeded(struct store_io *io)
{
	struct flusher *f = &io->flusher;
	struct flush_mark *m;

	/* Law watermark: a log is durable up to where the last flush that has completed covers
	 * it. */
	io->counts.flushes++;
	SLIST_FOREACH(m, &f->marks, link)
	{
		CHECK(logpos_compare(m->durable, m->covered) <= 0);
		m->durable = m->covered;
		m->durable_bytes = m->covered_bytes;
	}
	CHECK(f->unflushed_puts >= f->covered_puts);
	f->unflushed_puts -= f->covered_puts;
}

/* Breaks the store after a failed flush. The kernel may have dropped data that it could not write,
 * and a second flush would not tell. So nothing that this flush should have covered is safe any
 * more. */
static void flush_failed(struct store_io *io, int result)
{
	struct flusher *f = &io->flusher;

	/* Law failed-flush: the store writes nothing more after a failed flush, and counts the
	 * puts that it should have covered. */
	io->counts.at_risk += f->unflushed_puts;
	f->unflushed_puts = 0;
	io_break(io, result);
}

static void flush_done(struct sio *sio, int result)
{
	struct store_io *io = sio->store;
	struct flusher *f = &io->flusher;
	struct flush_served served;

	CHECK(f->busy);
	f->busy = false;
	flush_serve(&served, &f->running, &f->ops_running);
	if (result)
		flush_failed(io, result);
	else
		flush_succeeded(io);
	flush_tell(io, &served, result, &sio->io);
	/* Logs may wait for the durable mark, and others for the next flush. */
	io_ask(io);
}

static void flush_submit(struct store_io *io)
{
	struct flusher *f = &io->flusher;
	struct flush_mark *m;

	CHECK(STAILQ_EMPTY(&f->running) && !f->ops_running.count);
	f->busy = true;
	f->wanted = false;
	/* Law flush-waiters: a flush serves only those who waited before it was submitted; who
	 * comes later waits for the next one. */
	STAILQ_CONCAT(&f->running, &f->waiting);
	op_list_append(&f->ops_running, &f->ops_waiting);
	/* Law flush-covers: a flush covers what was published when it was submitted. All of that
	 * is written. */
	SLIST_FOREACH(m, &f->marks, link)
	{
		m->covered = m->published;
		m->covered_bytes = m->published_bytes;
	}
	f->covered_puts = f->unflushed_puts;
	weir_io_flush(&f->sio.io);
	sio_submit(io, &f->sio, flush_done);
}

void flush_run(struct store_io *io)
{
	struct flusher *f = &io->flusher;
	struct flush_served served;

	CHECK(flush_is_due(f));
	STAILQ_CONCAT(&f->waiting, &f->joining);
	if (!io->broken) {
		flush_submit(io);
		return;
	}
	f->wanted = false;
	flush_serve(&served, &f->waiting, &f->ops_waiting);
	flush_tell(io, &served, io->broken, NULL);
	io_ask(io);
}

void flush_wait(struct store_io *io, struct flush_waiter *w, void (*fn)(struct flush_waiter *, int))
{
	CHECK(fn && !w->fn);
	w->fn = fn;
	STAILQ_INSERT_TAIL(&io->flusher.waiting, w, link);
}

void flush_join(struct store_io *io, struct flush_waiter *w, void (*fn)(struct flush_waiter *, int))
{
	CHECK(fn && !w->fn);
	w->fn = fn;
	STAILQ_INSERT_TAIL(&io->flusher.joining, w, link);
}

void flush_wait_op(struct store_io *io, struct weir_store_op *op, int result)
{
	op->result = result;
	op_list_add(&io->flusher.ops_waiting, op);
}

void flush_want(struct store_io *io)
{
	io->flusher.wanted = true;
}
