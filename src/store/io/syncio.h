/* SPDX-License-Identifier: Apache-2.0 */
/*
 * syncio.h - blocking I/O for formatting and opening, before a store's loop runs.
 */
#ifndef SYNCIO_H
#define SYNCIO_H

#include <stddef.h>
#include <stdint.h>

#include <weir/queue.h>

/* These submit one io and wait for it. They return 0 or -errno. Memory should be aligned. A read
 * that fails is tried again, three times in all. */
int syncio_read(struct weir_queue *q, uint64_t offset, void *buf, size_t length);
int syncio_write(struct weir_queue *q, uint64_t offset, const void *buf, size_t length);
int syncio_flush(struct weir_queue *q);
int syncio_placement_update(struct weir_queue *q, uint16_t placement);

/* Many ios, up to `depth` at a time. Their ends are told in order. A read that fails is tried
 * again, three times in all, before its end is told. */
struct syncio_many {
	struct weir_queue *q;
	uint64_t count;
	uint32_t depth;
	uint8_t op; /* WEIR_OP_READ or WEIR_OP_WRITE */
	/* Says where io number I goes. A *LENGTH of 0 leaves it out. */
	void (*place)(struct syncio_many *m, uint64_t i, uint64_t *offset, size_t *length);
	/* Fills BUF; for writes. */
	void (*fill)(struct syncio_many *m, uint64_t i, void *buf);
	/* Told that io number I has ended with RESULT; BUF is NULL if it was left out. A return
	 * value that is not 0 stops everything and is returned. May be NULL: then the first error
	 * stops everything. */
	int (*done)(struct syncio_many *m, uint64_t i, void *buf, int result);
	void *user;
};

int syncio_many(struct syncio_many *m);

#endif
