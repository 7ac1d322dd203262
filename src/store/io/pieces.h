/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pieces.h - the memory of a value, piece by piece.
 *
 * A value lies in one or more pieces of the caller's memory, of any address and length. The device
 * needs aligned memory and whole blocks, so the value is seen as runs: whole blocks that the device
 * can use where they are, and whole blocks that must be copied.
 */
#ifndef STORE_IO_PIECES_H
#define STORE_IO_PIECES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include <weir/store.h>

/* What memory the device can use. */
struct pieces_rule {
	uintptr_t mask; /* address bits that must be 0 */
	size_t block;	/* bytes, a power of two */
};

/* A place in a value. Copies go on from the same place. */
struct pieces {
	const struct iovec *iov; /* NULL: the value lies at DATA in one piece */
	uint32_t count;
	uint32_t at; /* of the pieces */
	size_t done; /* bytes of this piece */
	uint8_t *data;
	size_t left; /* bytes of the value from here on */
};

/* A run of a value. */
struct pieces_run {
	size_t bytes; /* of the value; 0: the value has ended */
	void *direct; /* where it lies, if it need not be copied */
};

/* Goes to the begin of the value of OP, a put or get, which has LENGTH bytes. */
struct pieces pieces_begin(const struct weir_store_op *op, size_t length);
/* Returns the number of pieces. */
static inline uint32_t pieces_count(const struct weir_store_op *op)
{
	return op->nr_iov ? op->nr_iov : 1;
}

/* Returns the run that begins at P, at most MAX bytes of it (a multiple of the block). */
struct pieces_run pieces_run(const struct pieces *p, struct pieces_rule rule, size_t max);
/* Returns how many bytes of all runs from P on must be copied, in whole blocks. */
size_t pieces_copied(struct pieces p, struct pieces_rule rule);

/* Goes on by N bytes. */
void pieces_skip(struct pieces *p, size_t n);
/* Copies the next N bytes of the value to TO, or from FROM. */
void pieces_gather(struct pieces *p, uint8_t *to, size_t n);
void pieces_scatter(struct pieces *p, const uint8_t *from, size_t n);

#endif
