/* SPDX-License-Identifier: Apache-2.0 */
/*
 * batch.h - encodes and decodes a batch header and its records.
 */
#ifndef BATCH_H
#define BATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "store/format/checksum.h"
#include "store/format/layout.h"

/* A position in a log: everything in segments before gen, and in that segment before block. */
struct logpos {
	struct generation gen;
	uint32_t block;
};

/* Returns a number below, equal to or above 0, as A is before, at or after B. */
static inline int logpos_compare(struct logpos a, struct logpos b)
{
	int order = generation_compare(a.gen, b.gen);

	return order ? order : (a.block > b.block) - (a.block < b.block);
}

struct batch_header {
	struct checksum_place place; /* of this header */
	struct logpos mark;	     /* the durable watermark */
	uint32_t header_bytes;
	uint32_t blocks;
	uint32_t count;
	uint64_t time_ns;
};

struct batch_record {
	uint64_t sequence;
	uint64_t checksum;
	const void *key;
	uint32_t length;
	uint32_t block;
	uint16_t key_len;
	uint16_t flags;
};

/* Returns the bytes that a record with a key of KEY_LEN takes in a header. */
static inline uint32_t batch_record_bytes(uint32_t key_len)
{
	return (uint32_t)sizeof(struct disk_record) + ((key_len + 7) & ~7u);
}

/* Appends R to the header at BUF, which has *AT bytes so far. 0 begins a header: room is left for
 * its fixed part. */
void batch_add(void *buf, uint32_t *at, const struct batch_record *r);

/* Finishes a header: pads it with zeroes to whole blocks and writes its checksum. */
void batch_finish(void *buf, const struct batch_header *h, const struct layout *l,
		  const struct checksum_key *key);

/* Returns true if the block at BUF may be the header of a batch at PLACE. Then *BYTES is the length
 * that batch_decode() needs. It checks only what memory safety needs. */
bool batch_peek(const void *buf, struct checksum_place place, const struct layout *l,
		uint64_t *bytes);

/* Decodes a whole header of the length that batch_peek() gave, rounded up to blocks. Returns false
 * if it is not valid. */
bool batch_decode(struct batch_header *h, const void *buf, struct checksum_place place,
		  const struct layout *l, const struct checksum_key *key);

/* Gives the records of a decoded header one after another. *AT must be 0 at first; false means that
 * there are no more. */
bool batch_next(const void *buf, const struct batch_header *h, uint32_t *at,
		struct batch_record *r);

#endif
