/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sio.c - the store's own ios. They are counted, so that closing knows when none is under way.
 *
 * An io that has ended is one of the two entries of the store's loop: `done` notes what happened,
 * then the store has a turn. This file owns the count and runs on the loop's thread.
 */
#include "base/container.h"
#include "base/check.h"
#include "store/io/io.h"

static void sio_ended(struct sio *sio)
{
	struct store_io *io = sio->store;

	io_check_owner(io);
	CHECK(sio->busy && io->ios > 0);
	sio->busy = false;
	io->ios--;
	if (sio->io.ring_lost)
		__atomic_store_n(&io->ring_lost, sio->io.cause, __ATOMIC_RELEASE);
	if (sio->io.op == WEIR_OP_WRITE && !sio->io.result)
		io->counts.written_bytes += sio->io.length;
	failing_note(io, &sio->io);
	sio->done(sio, sio->io.result);
	io->turn(io);
}

static void sio_end(struct weir_io *io)
{
	sio_ended(container_of(io, struct sio, io));
}

static void sio_refused(struct weir_task *task)
{
	sio_ended(container_of(task, struct sio, refused));
}

void sio_submit(struct store_io *io, struct sio *sio, void (*done)(struct sio *, int))
{
	int err;

	CHECK(!sio->busy && done);
	sio->busy = true;
	sio->store = io;
	sio->done = done;
	sio->io.end = sio_end;
	io->ios++;
	/* A write that fails may have worn the drive all the same. */
	if (sio->io.op == WEIR_OP_WRITE)
		wear_spend(&io->wear, sio->io.length);
	err = weir_queue_submit(io->q, &sio->io);
	if (!err)
		return;
	/* The caller is in the middle of a step, so the error comes from the loop, as others do. */
	sio->io.result = err;
	sio->refused.fn = sio_refused;
	weir_queue_post(io->q, 0, &sio->refused);
}
