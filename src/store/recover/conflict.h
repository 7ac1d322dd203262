/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conflict.h - conflicts: keys that recovery finds alive in two logs.
 */
#ifndef STORE_RECOVER_CONFLICT_H
#define STORE_RECOVER_CONFLICT_H

#include <stdbool.h>
#include <stdint.h>

#include "store/recover/found.h"

/* Keys of the log being read that also live in another log. */
struct conflict {
	struct store_io *io;
	struct logs *ls;
	struct index here; /* their records in this log */
	struct index
		there;	/* their records in the other log; `checksum` holds the sequence number */
	bool *marked;	/* by number: segments that hold a record of such a key */
	uint64_t count; /* number of keys in conflict */
};

int conflict_init(struct conflict *c, struct store_io *io, struct logs *ls);
void conflict_free(struct conflict *c);
/* Notes a record of L, the log being read: HASH is now at VALUE, or is removed. Returns 0 or
 * -ENOMEM. */
int conflict_set(struct conflict *c, const struct log *l, const uint64_t hash[2],
		 const struct index_value *value);
void conflict_remove(struct conflict *c, const struct log *l, const uint64_t hash[2]);
/* Settles the conflicts when a log has been read: the newer record of each key stays, and the other
 * one is struck from the footer of its segment, one of the N at FOUND. Returns 0 or -ENOMEM. */
int conflict_settle(struct conflict *c, struct found *found, uint32_t n);

#endif
