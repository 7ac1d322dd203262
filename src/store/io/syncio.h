/* SPDX-License-Identifier: Apache-2.0 */
/*
 * syncio.h - blocking I/O for what happens before a store's loop runs: formatting, opening.
 */
#ifndef SYNCIO_H
#define SYNCIO_H

#include <stddef.h>
#include <stdint.h>

#include <weir/queue.h>

/* One io, waited for: 0 or -errno. Memory should be aligned. */
int syncio_read(struct weir_queue *q, uint64_t offset, void *buf, size_t length);
int syncio_write(struct weir_queue *q, uint64_t offset, const void *buf, size_t length);
int syncio_flush(struct weir_queue *q);
int syncio_placement_update(struct weir_queue *q, uint16_t placement);

/* Many ios, up to depth at a time, told of in order. */
struct syncio_many {
	struct weir_queue *q;
	uint64_t count;
	uint32_t depth;
	uint8_t op; /* WEIR_OP_READ or WEIR_OP_WRITE */
	/* Where io number I goes. A *LENGTH of 0: this one is left out. */
	void (*place)(struct syncio_many *m, uint64_t i, uint64_t *offset, size_t *length);
	/* Writes: fill BUF. */
	void (*fill)(struct syncio_many *m, uint64_t i, void *buf);
	/* Io number I has ended with RESULT; BUF is NULL if it was left out. Anything but 0 stops
	 * it all and is returned. May be NULL: the first error stops it. */
	int (*done)(struct syncio_many *m, uint64_t i, void *buf, int result);
	void *user;
};

int syncio_many(struct syncio_many *m);

#endif
