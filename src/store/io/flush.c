/* SPDX-License-Identifier: Apache-2.0 */
/*
 * flush.c - one flusher that serves everybody who waits.
 *
 * A flush covers what had completed when it was submitted, so whoever comes while one runs waits
 * for the next; that next one serves all of them. Owns the lists of waiters; the loop's thread.
 */
#include "store/impl.h"

void flush_init(struct weir_store *s)
{
	struct flusher *f = &s->flusher;

	STAILQ_INIT(&f->waiting);
	STAILQ_INIT(&f->running);
	op_list_init(&f->ops_waiting);
	op_list_init(&f->ops_running);
}

/* Those that a flush should serve, taken out of the flusher: who is told may begin the next. */
struct served {
	struct flush_list list;
	struct op_list ops;
};

static void flush_serve(struct served *to, struct flush_list *list, struct op_list *ops)
{
	STAILQ_INIT(&to->list);
	STAILQ_CONCAT(&to->list, list);
	op_list_init(&to->ops);
	op_list_join(&to->ops, ops);
}

static void flush_tell(struct weir_store *s, struct served *served, int result)
{
	struct flush_waiter *w;
	struct weir_store_op *op;

	while ((w = STAILQ_FIRST(&served->list))) {
		STAILQ_REMOVE_HEAD(&served->list, link);
		w->fn(w, result);
	}
	while ((op = op_list_pop(&served->ops)))
		op_end(s, op, result ? result : op->result);
}

static void flush_succeeded(struct weir_store *s)
{
	struct flusher *f = &s->flusher;
	struct log *l;
	uint32_t i;

	s->stats.flushes++;
	LOGS_FOREACH(s, l, i)
	{
		l->durable = l->covers;
		l->durable_bytes = l->flushing_bytes;
	}
	f->unflushed_puts -= f->covers_puts;
}

/* The kernel may have dropped what it could not write, and a second flush would not say so:
 * nothing that this one should have covered can be vouched for any more. */
static void flush_failed(struct weir_store *s, int result)
{
	struct flusher *f = &s->flusher;

	s->stats.at_risk += f->unflushed_puts;
	f->unflushed_puts = 0;
	store_break(s, result);
}

static void flush_done(struct sio *sio, int result)
{
	struct weir_store *s = sio->s;
	struct flusher *f = &s->flusher;
	struct served served;

	f->busy = false;
	flush_serve(&served, &f->running, &f->ops_running);
	if (result)
		flush_failed(s, result);
	else
		flush_succeeded(s);
	flush_tell(s, &served, result);
	flush_kick(s);
	logs_kick(s);
}

static void flush_submit(struct weir_store *s)
{
	struct flusher *f = &s->flusher;
	struct log *l;
	uint32_t i;

	f->busy = true;
	f->wanted = false;
	STAILQ_CONCAT(&f->running, &f->waiting);
	op_list_join(&f->ops_running, &f->ops_waiting);
	/* The watermark: what is published has been written, so this flush covers it. */
	LOGS_FOREACH(s, l, i)
	{
		l->covers = l->published;
		l->flushing_bytes = l->published_bytes;
	}
	f->covers_puts = f->unflushed_puts;
	weir_io_flush(&f->sio.io);
	sio_submit(s, &f->sio, flush_done);
}

void flush_kick(struct weir_store *s)
{
	struct flusher *f = &s->flusher;
	struct served served;

	if (f->busy)
		return;
	/* Telling one waiter may bring others. */
	while (s->broken && (!STAILQ_EMPTY(&f->waiting) || f->ops_waiting.first)) {
		flush_serve(&served, &f->waiting, &f->ops_waiting);
		flush_tell(s, &served, s->broken);
	}
	if (!s->broken && (!STAILQ_EMPTY(&f->waiting) || f->ops_waiting.first || f->wanted))
		flush_submit(s);
}

void flush_wait(struct weir_store *s, struct flush_waiter *w,
		void (*fn)(struct flush_waiter *, int))
{
	w->fn = fn;
	STAILQ_INSERT_TAIL(&s->flusher.waiting, w, link);
	flush_kick(s);
}

void flush_wait_op(struct weir_store *s, struct weir_store_op *op, int result)
{
	op->result = result;
	op_list_add(&s->flusher.ops_waiting, op);
}

void flush_want(struct weir_store *s)
{
	s->flusher.wanted = true;
	flush_kick(s);
}
