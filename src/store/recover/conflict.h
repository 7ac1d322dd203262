/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conflict.h - keys that a recovery finds alive in two logs, and the segments in use, as they were
 * found.
 */
#ifndef STORE_RECOVER_CONFLICT_H
#define STORE_RECOVER_CONFLICT_H

#include <stdbool.h>
#include <stdint.h>

#include "store/recover/recover.h"

/* A segment in use. */
struct found {
	struct segment *seg;
	uint32_t stream;
	enum footer_state footer;
	uint32_t footer_blocks;
	bool walked; /* its entries are in memory, and it gets a footer */
	uint32_t batches;
};

/* Keys of the log that is read which live in another log as well. */
struct conflict {
	struct store_io *io;
	struct logs *ls;
	struct index here;  /* where they are in this log */
	struct index there; /* ... and in the other, with the sequence number for a checksum */
	bool *marked;	    /* by number: segments that hold a version of such a key */
	uint64_t count;	    /* keys that were in conflict */
};

int conflict_init(struct conflict *c, struct store_io *io, struct logs *ls);
void conflict_free(struct conflict *c);
/* A record of the log L that is read: HASH is at VALUE, or gone. 0 or -ENOMEM. */
int conflict_set(struct conflict *c, const struct log *l, const uint64_t hash[2],
		 const struct index_value *value);
void conflict_remove(struct conflict *c, const struct log *l, const uint64_t hash[2]);
/* The log has been read: of keys that live in two logs the younger version stays, and the other is
 * struck from the footer of its segment, one of the N at FOUND. 0 or -ENOMEM. */
int conflict_settle(struct conflict *c, struct found *found, uint32_t n);

#endif
