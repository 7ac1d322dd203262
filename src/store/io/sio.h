/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sio.h - one io of the store's own.
 */
#ifndef STORE_IO_SIO_H
#define STORE_IO_SIO_H

#include <errno.h>
#include <stdbool.h>

#include <weir/queue.h>

struct store_io;

struct sio {
	struct weir_io io;
	struct weir_task refused; /* brings the error of an io that the queue did not take */
	struct store_io *store;
	void (*done)(struct sio *sio, int result);
	bool busy; /* submitted, and not ended */
};

/* Submits SIO, which was prepared with weir_io_*(). DONE is called once, never from inside. */
void sio_submit(struct store_io *io, struct sio *sio, void (*done)(struct sio *, int));

/* Returns the result of an operation whose io ended with RESULT, which is not 0. A filesystem or a
 * thin device below the store may have no space for a block (-ENOSPC); that can be mended. */
static inline int sio_error(int result)
{
	return result == -ENODEV || result == -ENOSPC ? result : -EIO;
}

#endif
