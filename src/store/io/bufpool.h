/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bufpool.h - aligned memory for I/O, kept for the next use.
 */
#ifndef BUFPOOL_H
#define BUFPOOL_H

#include <stddef.h>
#include <stdint.h>

#define BUFPOOL_MIN_SHIFT 12
#define BUFPOOL_CLASSES 12 /* 4 KiB to 8 MiB; longer ones are not kept */
#define BUFPOOL_KEEP_BYTES (32u << 20)

struct bufpool {
	void *free[BUFPOOL_CLASSES]; /* each begins with a pointer to the next */
	size_t kept_bytes;
	size_t align;
};

/* Makes an empty pool. ALIGN is the alignment that the device asks for; it is at least 4096. */
void bufpool_init(struct bufpool *p, size_t align);
void bufpool_free(struct bufpool *p);

/* Returns LENGTH bytes of aligned memory with undefined contents. NULL: there is no memory. */
void *bufpool_get(struct bufpool *p, size_t length);
/* Gives BUF back. LENGTH is the one given to bufpool_get(). BUF may be NULL. */
void bufpool_put(struct bufpool *p, void *buf, size_t length);

#endif
