/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hello_queue.c - the shortest program with a queue: it writes a block to a file and reads it back.
 *
 * A queue without workers is run by the thread that uses it: the io moves while weir_io_wait()
 * runs. The memory is aligned to 4096, so the drive reads and writes it without a copy.
 *
 * Prints
 *     hello, block 7
 */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <weir/weir.h>

#define BLOCK ((size_t)4096)

static void write_and_read(struct weir_device *dev, char *buf)
{
	uint64_t offset = 7 * BLOCK;
	char text[256];

	snprintf(buf, BLOCK, "hello, block 7");
	/* [README: queue] */
	struct weir_queue *q;
	struct weir_io io;

	if (weir_queue_open(&q, dev, NULL) < 0)
		errx(1, "%s", weir_error());
	weir_io_write(&io, offset, buf, BLOCK); /* the io is the caller's until it is submitted, */
	if (weir_queue_submit(q, &io) < 0)	/* which never blocks ... */
		errx(1, "%s", weir_error());
	if (weir_io_wait(q, &io, UINT64_MAX) < 0) /* ... and again when it has ended */
		errx(1, "%s", weir_io_strerror(&io, text, sizeof(text)));
	/* [end] */

	memset(buf, 0, BLOCK);
	weir_io_read(&io, offset, buf, BLOCK);
	if (weir_queue_submit(q, &io) < 0)
		errx(1, "%s", weir_error());
	if (weir_io_wait(q, &io, UINT64_MAX) < 0)
		errx(1, "%s", weir_io_strerror(&io, text, sizeof(text)));
	puts(buf);

	if (weir_queue_close(q) < 0)
		errx(1, "%s", weir_error());
}

int main(void)
{
	struct weir_device_opts opts = WEIR_DEVICE_OPTS_INIT;
	struct weir_device *dev;
	char *buf = aligned_alloc(BLOCK, BLOCK);

	if (!buf)
		err(1, "memory");
	opts.flags = WEIR_DEVICE_CREATE;
	opts.create_bytes = 1 << 20;
	if (weir_device_open(&dev, "block.img", &opts) < 0)
		errx(1, "%s", weir_error());
	write_and_read(dev, buf);
	weir_device_close(dev);
	free(buf);
	return 0;
}
