/* SPDX-License-Identifier: Apache-2.0 */
/*
 * leave.h - the keys that left a store, and why: the newest of them are remembered.
 *
 * A remembered key is a ghost: its hash, the reason and the time, without the key itself. The table
 * has a fixed size; a new ghost replaces the oldest one of its bucket.
 */
#ifndef STORE_LOG_LEAVE_H
#define STORE_LOG_LEAVE_H

#include <stdbool.h>
#include <stdint.h>

#include <weir/store.h>

#define LEAVE_GHOSTS_DEFAULT 65536u
#define LEAVE_GHOSTS_MAX (1u << 24)
#define LEAVE_BUCKET 8u /* ghosts */

struct logs;

/* A key that left; 24 bytes. Its words are atomics, so that any thread can look it up. */
struct leave_ghost {
	uint64_t hash[2];
	uint64_t when; /* milliseconds of CLOCK_REALTIME << 8 | enum weir_leave; 0: no ghost */
};

struct leave {
	struct leave_ghost *ghosts;		     /* NULL: none are remembered */
	uint32_t buckets;			     /* a power of two */
	uint64_t noted;				     /* keys that left since the store was opened */
	uint64_t reasons[WEIR_LEAVE_OUT_OF_USE + 1]; /* of these, by enum weir_leave; atomic */
	void (*changed)(void *user, const struct weir_store_change *change);
	void *user;
};

/* Makes the table that OPTS ask for. Returns 0 or -ENOMEM. */
int leave_init(struct leave *leave, const struct weir_store_opts *opts);
void leave_free(struct leave *leave);

/* Notes that the key with HASH has left the store, and calls the program back. KEY (KEY_LEN bytes)
 * is NULL if only the hash is known. The index has changed already. */
void leave_note(struct logs *ls, const uint64_t hash[2], const void *key, uint32_t key_len,
		enum weir_leave reason);
/* Notes that a put of the key with HASH, which is not there, was not admitted. */
void leave_note_refused(struct logs *ls, const uint64_t hash[2]);
/* Finds the ghost of HASH. Any thread. Returns the reason, and the time of CLOCK_REALTIME in
 * *TIME_NS; 0: the table does not know it. */
uint32_t leave_find(const struct logs *ls, const uint64_t hash[2], uint64_t *time_ns);
/* Returns the bytes of memory that the table has. */
uint64_t leave_bytes(const struct logs *ls);

#endif
