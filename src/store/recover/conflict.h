/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conflict.h - conflicts: keys that recovery finds alive in two logs.
 */
#ifndef STORE_RECOVER_CONFLICT_H
#define STORE_RECOVER_CONFLICT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "store/recover/found.h"

/* A footer that was read to settle a conflict. */
struct conflict_footer {
	SLIST_ENTRY(conflict_footer) link;
	const struct found *of;
	uint32_t count; /* of its entries */
	void *buf;
	size_t bytes;
	uint64_t offset;
	bool struck; /* an entry was struck: it must be written */
};

/* Keys of the log being read that also live in another log. */
struct conflict {
	struct store_io *io;
	struct logs *ls;
	struct index here; /* their records in this log */
	struct index
		there;	/* their records in the other log; `checksum` holds the sequence number */
	bool *marked;	/* by number: segments that hold a record of such a key */
	uint64_t count; /* number of keys in conflict */
	SLIST_HEAD(, conflict_footer) footers;
	struct segment *unread; /* the segment whose footer could not be read */
};

int conflict_init(struct conflict *c, struct store_io *io, struct logs *ls);
void conflict_free(struct conflict *c);
/* Notes a record of L, the log being read: HASH is now at VALUE, or is removed. Returns 0 or
 * -ENOMEM. */
int conflict_set(struct conflict *c, const struct log *l, const uint64_t hash[2],
		 const struct index_value *value);
void conflict_remove(struct conflict *c, const struct log *l, const uint64_t hash[2]);
/* Settles the conflicts when a log has been read: the newer record of each key stays, and the other
 * one is struck from the footer of its segment, one of the N at FOUND. Nothing is written. Returns
 * 0, -ENOMEM, or the error of the footer of the segment `unread`. */
int conflict_settle(struct conflict *c, struct found *found, uint32_t n);
/* Returns a footer in which an entry was struck, which is then the caller's to give back with
 * conflict_drop(); NULL: there are no more. */
struct conflict_footer *conflict_next(struct conflict *c);
void conflict_drop(struct conflict *c, struct conflict_footer *f);

#endif
