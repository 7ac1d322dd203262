/* SPDX-License-Identifier: Apache-2.0 */
/*
 * loop.c - what all events of the store's loop need: the check of the owner, and the end of
 * writing. This file owns the error that broke a store. It runs on the loop's thread.
 */
#include <errno.h>

#include "base/check.h"
#include "queue/loop.h"
#include "store/io/io.h"

void io_break(struct store_io *io, int result)
{
	CHECK(result < 0);
	if (io->broken)
		return;
	if (loop_device_is_removed(io->q))
		result = -ENODEV;
	io->broken = result == -ENODEV || result == -ENOSPC ? result : -EROFS;
	io->first_error = result;
	/* Operations that wait for a footer or for space would wait for ever. */
	io_ask(io);
}

void io_check_owner(const struct store_io *io)
{
	CHECK(loop_is_mine(io->q));
}
