/* SPDX-License-Identifier: Apache-2.0 */
/*
 * batches.h - records on their way into a log, and the batches that carry them.
 */
#ifndef STORE_LOG_BATCHES_H
#define STORE_LOG_BATCHES_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "store/format/batch.h"
#include "store/io/io.h"

struct batch_part;
struct log;
struct segment;

/* The header of a batch has at most so many bytes: long keys make long headers. */
#define BATCH_HEADER_MAX (256u << 10)
#define BATCH_RECORDS_MAX 4096u

/* A record between admission and publication. */
struct rec {
	struct weir_store_op *op;
	struct log *log;
	struct rec *next;	  /* in its batch */
	struct rec *chain;	  /* in the table of what is admitted, newest first */
	struct op_list followers; /* operations that found this record under way */
	uint64_t sequence;
	uint64_t checksum;
	uint32_t block; /* of the payload, in the segment */
	uint32_t length;
	uint16_t flags; /* enum disk_record_flags */
};

struct batch {
	STAILQ_ENTRY(batch) link;
	struct log *log;
	struct segment *seg;
	struct rec *first, **last;
	uint32_t count;
	uint32_t header_bytes;
	uint32_t payload_blocks;
	uint64_t put_bytes; /* of the values of its puts */
	uint32_t block;	    /* of its header, in the segment */
	uint32_t blocks;
	uint32_t first_entry; /* of the segment's footer to be */
	uint8_t *buf;
	size_t buf_bytes;
	struct iovec *iov;
	struct batch_part *parts; /* of its write */
	uint32_t parts_busy;	  /* that have not ended */
	bool ended;
	int result;
};

STAILQ_HEAD(batch_list, batch);

/* Returns the number of payload bytes that OP brings. */
static inline uint64_t batch_payload_bytes(const struct weir_store_op *op)
{
	return op->kind == WEIR_STORE_DELETE ? 0 : op->value_len;
}

/* Makes an empty batch for SEG. Returns NULL if there is no memory. */
struct batch *batch_new(struct log *l, struct segment *seg);
/* Returns true if B has room for OP. */
bool batch_takes(const struct batch *b, const struct weir_store_op *op);
/* Makes a record of OP in B. Returns 0 or -ENOMEM. */
int batch_take(struct batch *b, struct weir_store_op *op);
/* Lets OP end together with R, which is under way: a delete with a tombstone, a put that only an
 * absent key gets with a put. */
void batch_follow(struct rec *r, struct weir_store_op *op);
/* Lets a survivor end when NEWER, a record of its key that is under way, is published. If NEWER
 * fails, the survivor waits for admission again. */
void batch_supersede(struct rec *newer, struct weir_store_op *survivor);
/* Writes B to the device. If there is no memory for it, its operations end here. */
void batch_submit(struct batch *b);
/* Ends the operations of B with RESULT, and frees it. */
void batch_end(struct batch *b, int result);
/* Returns true if writes of L's batches are under way. */
bool batch_writes(const struct log *l);

#endif
