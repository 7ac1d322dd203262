/* SPDX-License-Identifier: Apache-2.0 */
/*
 * index.h - the index in memory: the identity of a key to where its value is.
 *
 * Linear hashing: one bucket is split when one entry is added, so that there is never a moment
 * with two whole tables. 40 bytes an entry and 4 a bucket, one bucket an entry.
 */
#ifndef INDEX_H
#define INDEX_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Where a value is. */
struct index_value {
	uint64_t position; /* store position of the payload, 48 bits */
	uint64_t checksum;
	uint32_t length;
	uint16_t flags; /* none in this version */
};

struct index_entry {
	uint64_t hash[2];
	uint64_t checksum;
	uint64_t place; /* position << 16 | flags */
	uint32_t length;
	uint32_t next; /* in the bucket or on the free list; INDEX_END */
};

static_assert(sizeof(struct index_entry) + sizeof(uint32_t) <= 48, "at most 48 bytes an entry");

#define INDEX_END UINT32_MAX
#define INDEX_POSITION_BITS 48
#define INDEX_CHUNK_SHIFT 10
#define INDEX_CHUNK (1u << INDEX_CHUNK_SHIFT)

struct index {
	struct index_entry **pool; /* chunks of INDEX_CHUNK entries */
	uint32_t **bucket;	   /* chunks of INDEX_CHUNK heads */
	uint32_t pool_chunks, pool_room;
	uint32_t bucket_chunks, bucket_room;
	uint32_t buckets; /* in use */
	uint32_t free;	  /* list of entries that were removed */
	uint32_t fresh;	  /* entries of the pool that were never used begin here */
	uint64_t entries;
	uint64_t reserved; /* entries promised to puts under way */
	uint64_t live_bytes;
	uint64_t bytes; /* of memory */
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

/* Sets HASH to VALUE, new or not. 0, or -ENOMEM without a reservation. Reservations are taken
 * back by the caller. */
int index_set(struct index *x, const uint64_t hash[2], const struct index_value *value);

/* The same; 1: it was there, and *OLD is the value that it had. */
int index_replace(struct index *x, const uint64_t hash[2], const struct index_value *value,
		  struct index_value *old);

/* Calls FN for every entry. */
void index_each(const struct index *x,
		void (*fn)(const uint64_t hash[2], const struct index_value *value, void *user),
		void *user);

/* Removes HASH; false if it is not there. */
bool index_remove(struct index *x, const uint64_t hash[2]);

/* Removes every entry with FROM <= position < TO; how many. Looks at the whole index. */
uint64_t index_sweep(struct index *x, uint64_t from, uint64_t to);

#endif
