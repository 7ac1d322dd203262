/* SPDX-License-Identifier: Apache-2.0 */
/*
 * content.h - everything in one used segment: its footer, batches and records.
 */
#ifndef STORE_CHECK_CONTENT_H
#define STORE_CHECK_CONTENT_H

#include "store/check/medium.h"
#include "store/format/batch.h"
#include "store/format/footer.h"

enum content_batch_state {
	CONTENT_GOOD = 0,
	CONTENT_DAMAGED,    /* the footer names it, and its header is not valid */
	CONTENT_UNREADABLE, /* its header could not be read */
};

struct content_batch {
	struct batch_header h; /* if it is good; place.block always */
	uint8_t state;	       /* enum content_batch_state */
	uint32_t first, count; /* its records */
};

enum content_record_flags {
	CONTENT_STRUCK = 1 << 0,   /* the footer strikes it, or the header */
	CONTENT_MISMATCH = 1 << 1, /* the batch header does not say what the footer says */
	CONTENT_WRONG = 1 << 2,	   /* its payload was read and does not verify */
	CONTENT_UNREAD = 1 << 3,   /* its payload could not be read */
};

struct content_record {
	struct footer_entry e;
	const uint8_t *key; /* e.key_len bytes; NULL: not known. Memory of the content */
	uint32_t flags;	    /* enum content_record_flags */
};

struct content {
	const struct medium *m;
	uint32_t number; /* of the segment */
	struct generation gen;
	enum footer_state footer;
	bool footer_unreadable;
	struct footer f;     /* if it is valid */
	uint8_t *footer_buf; /* the whole footer, if it is valid */
	struct content_batch *batch;
	uint32_t batches, batch_room;
	struct content_record *record;
	uint32_t records, record_room;
	uint32_t end;	  /* the first block behind the last batch */
	uint32_t skipped; /* blocks without a batch in front of one, in a segment without footer */
	uint32_t skipped_at;  /* the first of them */
	uint32_t unreadable;  /* blocks of these that could not be read */
	const uint8_t *whole; /* the whole segment; NULL: it is read piece by piece */
	struct content_keys *keys;
	bool walking;	 /* reads go ahead of what is asked for */
	bool again;	 /* reads go to the device, as what is in memory does not verify */
	bool no_memory;	 /* there was none for a read, so nothing here tells what can be read */
	uint8_t *window; /* what was read last */
	size_t window_room;
	uint32_t window_from, window_blocks;
};

/* Reads segment NUMBER, whose header is valid. WHOLE is the whole segment if it is in memory, or
 * NULL; it must stay until the content is read again. Returns 0 or -ENOMEM. C may be used again for
 * another segment. */
int content_read(struct content *c, const struct medium *m, uint32_t number, const uint8_t *whole);
/* Reads what is left in segment NUMBER, which was freed: the batches of the life that began at its
 * first block, if there are any. Returns 0 or -ENOMEM. */
int content_read_freed(struct content *c, const struct medium *m, uint32_t number);
/* Makes C an empty content of segment NUMBER. */
void content_reset(struct content *c, const struct medium *m, uint32_t number);
void content_free(struct content *c);

/* Returns BLOCKS blocks from BLOCK on, valid until the next call. NULL: they cannot be read, or
 * there is no memory for that. */
const uint8_t *content_get(struct content *c, uint32_t block, uint32_t blocks);
/* Reads the trailer of the segment, twice if it is not valid, and returns its state. */
enum footer_state content_trailer(struct content *c);
/* Verifies the payload of record N, and notes the result in its flags, unless there is no memory.
 * Returns its bytes. */
uint64_t content_verify(struct content *c, uint32_t n);
/* Returns -ENOMEM if memory was lacking for a read since C was made, else ERR. What could not be
 * read says nothing about the medium then. */
int content_memory(const struct content *c, int err);
/* Returns true if a batch of any generation begins at BLOCK, also if only a second read says so.
 * *GEN is its generation. */
bool content_is_batch(struct content *c, uint32_t block, struct generation *gen);

#endif
