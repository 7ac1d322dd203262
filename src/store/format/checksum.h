/* SPDX-License-Identifier: Apache-2.0 */
/*
 * checksum.h - tells blocks of this store from all others, and one key from another.
 */
#ifndef CHECKSUM_H
#define CHECKSUM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "store/format/format.h"
#include "store/format/xxh.h"

/* The secret part of every seed. Immutable once made; any thread. */
struct checksum_key {
	uint64_t base; /* hash of UUID and secret */
	uint32_t device;
	uint8_t secret[DISK_SECRET_BYTES];
};

/* The kinds of checksums. A checksum of one kind is never valid as another kind. */
enum checksum_kind {
	CHECKSUM_SEGMENT = 1,
	CHECKSUM_BATCH = 2,
	CHECKSUM_PAYLOAD = 3,
	CHECKSUM_FOOTER = 4,
	CHECKSUM_STRIKES = 5,
};

/* When a segment was begun. It puts the segments of a log in order. */
struct generation {
	uint64_t epoch;
	uint64_t counter;
};

/* Returns a number below, equal to or above 0, as A is before, at or after B. */
static inline int generation_compare(struct generation a, struct generation b)
{
	if (a.epoch != b.epoch)
		return a.epoch < b.epoch ? -1 : 1;
	return a.counter < b.counter ? -1 : a.counter > b.counter;
}

/* Where the bytes of a checksum belong. */
struct checksum_place {
	uint32_t segment;
	uint32_t block;
	struct generation gen;
};

/* Makes the secret part of a store's seeds. */
void checksum_key_make(struct checksum_key *key, const uint8_t uuid[16],
		       const uint8_t secret[DISK_SECRET_BYTES], uint32_t device);

/* Returns the checksum of LENGTH bytes at DATA, which belong at PLACE. */
uint64_t checksum_data(const struct checksum_key *key, enum checksum_kind kind,
		       struct checksum_place place, const void *data, size_t length);

/* A checksum of bytes that come one after the other. Its memory is the caller's. */
struct checksum_stream {
	XXH3_state_t state;
};

/* Begins the checksum that checksum_data() gives for all bytes together. */
void checksum_stream_begin(struct checksum_stream *stream, const struct checksum_key *key,
			   enum checksum_kind kind, struct checksum_place place);
/* Adds the next LENGTH bytes, which are at DATA. */
void checksum_stream_add(struct checksum_stream *stream, const void *data, size_t length);
/* Returns the checksum of what was added. */
uint64_t checksum_stream_end(const struct checksum_stream *stream);

/* Returns the same checksum for bytes in several pieces. NEXT sets *DATA and returns the length of
 * the next piece, 0 at the end. */
uint64_t checksum_pieces(const struct checksum_key *key, enum checksum_kind kind,
			 struct checksum_place place, size_t (*next)(void *user, const void **data),
			 void *user);

/* Writes the checksum into a structure of LENGTH bytes that begins with magic number and
 * checksum. */
void checksum_write(const struct checksum_key *key, enum checksum_kind kind,
		    struct checksum_place place, void *data, size_t length);

/* Returns true if the checksum in the structure is right. */
bool checksum_holds(const struct checksum_key *key, enum checksum_kind kind,
		    struct checksum_place place, const void *data, size_t length);

/* Computes the identity of a key: 128 bits. It depends on the secret, so nobody without the secret
 * can make two keys collide. */
void checksum_identity(const struct checksum_key *key, const void *name, size_t length,
		       uint64_t hash[2]);

/* Returns the checksum of a superblock copy. It does not use the secret, which is inside the
 * superblock. */
uint64_t checksum_super(const struct disk_super *super);

#endif
