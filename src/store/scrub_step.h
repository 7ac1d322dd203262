/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scrub_step.h - the two steps of a scrub that run on the store's loop: to read a value, and to
 * drop an entry.
 */
#ifndef STORE_SCRUB_STEP_H
#define STORE_SCRUB_STEP_H

#include "store/store.h"

struct scrub_step {
	struct inner_op inner; /* first */
	struct weir_store_op op;
	const void *key; /* the caller's */
	uint32_t key_len;
	uint64_t hash[2];
	uint8_t *buf; /* ROOM bytes, aligned; the caller's */
	size_t room;
	/* What was read. */
	struct index_value value;
	struct checksum_place place;
	bool busy; /* puts, gets or deletes are under way, or were since the read before */
	/* The loop's while a step is under way. */
	struct weir_store *s;
	struct sio sio;
	struct segment *seg;
	uint64_t seen; /* operations that had ended at the read before */
	struct weir_store_op tombstone;
};

/* Reads the value of the key into the buffer, at low priority. Returns 0, -ENOENT (it is not
 * there), -EMSGSIZE (it does not fit; the value says how long it is), or the error of the read. */
int scrub_step_read(struct weir_store *s, struct scrub_step *step);
/* Drops the entry that was read, with a tombstone, if it is still the newest. Returns 0, -EAGAIN
 * (an operation on the key is under way, or it has changed), or the error of the tombstone. */
int scrub_step_drop(struct weir_store *s, struct scrub_step *step);

#endif
