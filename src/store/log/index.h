/* SPDX-License-Identifier: Apache-2.0 */
/*
 * index.h - the index in memory: the identity of a key to where its value is.
 *
 * Linear hashing: one bucket is split when one entry is added, so that there is never a moment
 * with two whole tables. 40 bytes an entry and 4 a bucket, one bucket an entry.
 *
 * One thread changes the index: the store's loop, or recovery before there is one. Any thread may
 * look a key up and set its flags at the same time, without a lock: index_read.h.
 */
#ifndef INDEX_H
#define INDEX_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "store/log/chunks.h"

/* The flags of an entry. */
enum index_flags {
	INDEX_READ = 1 << 0,	/* it was read since it was last written */
	INDEX_PINNED = 1 << 1,	/* a pin or a lease holds it; stays when the value is replaced */
	INDEX_LEAVING = 1 << 2, /* it is being evicted, and cannot be held any more */
	INDEX_DAMAGED = 1 << 3, /* its payload did not verify when it should have been moved */
};

/* Where a value is. */
struct index_value {
	uint64_t position; /* store position of the payload, 48 bits */
	uint64_t checksum;
	uint32_t length;
	uint16_t flags; /* enum index_flags */
};

/* An entry. Other threads read each member while the owner writes it, so both use atomics. */
struct index_entry {
	uint64_t hash[2];
	uint64_t checksum;
	uint64_t place; /* position << 16 | flags; 0 on the free list */
	uint32_t length;
	uint32_t next; /* in the bucket or on the free list; INDEX_END */
};

static_assert(sizeof(struct index_entry) + sizeof(uint32_t) <= 48, "at most 48 bytes an entry");

#define INDEX_END UINT32_MAX
#define INDEX_POSITION_BITS 48
#define INDEX_CHUNK_SHIFT 10
#define INDEX_CHUNK (1u << INDEX_CHUNK_SHIFT)
#define INDEX_STRIPES 1024u

struct index {
	struct chunks pool;   /* of INDEX_CHUNK entries */
	struct chunks bucket; /* of INDEX_CHUNK heads */
	uint32_t buckets;     /* in use; atomic */
	uint32_t free;	      /* list of entries that were removed */
	uint32_t fresh;	      /* entries of the pool that were never used begin here */
	uint64_t entries;
	uint64_t reserved; /* entries promised to puts under way */
	uint64_t live_bytes;
	uint64_t bytes; /* of memory */
	/* For each value of the low bits of a hash, how often links of such entries were changed,
	 * times two; odd while they are changed. Atomic. */
	uint32_t stripe[INDEX_STRIPES];
};

/* 0 or -ENOMEM. */
int index_init(struct index *x);
void index_free(struct index *x);

/* Finds HASH; VALUE may be NULL. */
bool index_get(const struct index *x, const uint64_t hash[2], struct index_value *value);

/* Makes sure that one more index_set() cannot fail: 0 or -ENOMEM. */
int index_reserve(struct index *x);
/* Takes one reservation back. */
void index_unreserve(struct index *x);

/* Sets HASH to VALUE, new or not. 0, or -ENOMEM without a reservation.
 * Reservations are taken back by the caller. */
int index_set(struct index *x, const uint64_t hash[2], const struct index_value *value);

/* The same; 1: it was there, and *OLD is the value that it had. */
int index_replace(struct index *x, const uint64_t hash[2], const struct index_value *value,
		  struct index_value *old);

/* Calls FN for every entry. */
void index_each(const struct index *x,
		void (*fn)(const uint64_t hash[2], const struct index_value *value, void *user),
		void *user);

/* Removes HASH; false if it is not there. *OLD is the value that it had. */
bool index_remove(struct index *x, const uint64_t hash[2], struct index_value *old);

/* Removes every entry with FROM <= position < TO; how many. Looks at the whole index. */
uint64_t index_sweep(struct index *x, uint64_t from, uint64_t to);

#endif
