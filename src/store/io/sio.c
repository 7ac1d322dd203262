/* SPDX-License-Identifier: Apache-2.0 */
/*
 * aio.c - the store's own ios: counted, so that closing knows when all is quiet.
 *
 * Owns nothing; the loop's thread.
 */
#include "store/impl.h"

static void sio_ended(struct sio *sio)
{
	struct weir_store *s = sio->s;

	s->ios--;
	if (sio->io.ring_lost)
		__atomic_store_n(&s->ring_lost, sio->io.cause, __ATOMIC_RELEASE);
	if (sio->io.op == WEIR_OP_WRITE && !sio->io.result)
		s->stats.written_bytes += sio->io.length;
	sio->done(sio, sio->io.result);
	close_check(s);
}

static void sio_end(struct weir_io *io)
{
	sio_ended(container_of(io, struct sio, io));
}

static void sio_refused(struct weir_task *task)
{
	sio_ended(container_of(task, struct sio, refused));
}

void sio_submit(struct weir_store *s, struct sio *sio, void (*done)(struct sio *, int))
{
	int err;

	sio->s = s;
	sio->done = done;
	sio->io.end = sio_end;
	s->ios++;
	err = weir_queue_submit(s->q, &sio->io);
	if (!err)
		return;
	/* Whoever called is in the middle of something: the error comes from the top as well. */
	sio->io.result = err;
	sio->refused.fn = sio_refused;
	weir_queue_post(s->q, 0, &sio->refused);
}

void log_submit(struct log *l, struct sio *sio, void (*done)(struct sio *, int))
{
	l->written_bytes += sio->io.length;
	sio_submit(l->s, sio, done);
}
