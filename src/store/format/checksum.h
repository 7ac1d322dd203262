/* SPDX-License-Identifier: Apache-2.0 */
/*
 * checksum.h - what tells this store's blocks from all others, and one key from another.
 */
#ifndef CHECKSUM_H
#define CHECKSUM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "store/format/format.h"

/* The secret part of every seed. Immutable once made; any thread. */
struct checksum_key {
	uint64_t base; /* hash of UUID and secret */
	uint32_t device;
	uint8_t secret[DISK_SECRET_BYTES];
};

/* What is summed: one kind never passes for another. */
enum checksum_kind {
	CHECKSUM_SEGMENT = 1,
	CHECKSUM_BATCH = 2,
	CHECKSUM_PAYLOAD = 3,
	CHECKSUM_FOOTER = 4,
};

/* When a segment was begun. Orders the segments of a log. */
struct generation {
	uint64_t epoch;
	uint64_t counter;
};

/* <0, 0, >0 as A is before, at or after B. */
static inline int generation_compare(struct generation a, struct generation b)
{
	if (a.epoch != b.epoch)
		return a.epoch < b.epoch ? -1 : 1;
	return a.counter < b.counter ? -1 : a.counter > b.counter;
}

/* Where the summed bytes belong. */
struct checksum_place {
	uint32_t segment;
	uint32_t block;
	struct generation gen;
};

/* Makes the key of a store. */
void checksum_key_make(struct checksum_key *key, const uint8_t uuid[16],
		       const uint8_t secret[DISK_SECRET_BYTES], uint32_t device);

/* The checksum of LENGTH bytes at DATA, which belong at PLACE. */
uint64_t checksum_data(const struct checksum_key *key, enum checksum_kind kind,
		       struct checksum_place place, const void *data, size_t length);

/* The same of bytes that are given piece by piece: NEXT says where and how many, 0 at the end. */
uint64_t checksum_pieces(const struct checksum_key *key, enum checksum_kind kind,
			 struct checksum_place place, size_t (*next)(void *user, const void **data),
			 void *user);

/* Writes the checksum of a structure of LENGTH bytes that begins with magic and checksum. */
void checksum_write(const struct checksum_key *key, enum checksum_kind kind,
		    struct checksum_place place, void *data, size_t length);

/* Does the checksum in the structure hold? */
bool checksum_holds(const struct checksum_key *key, enum checksum_kind kind,
		    struct checksum_place place, const void *data, size_t length);

/* The identity of a key: 128 bits, keyed with the secret, so that nobody who does not know it
 * can make two keys collide. */
void checksum_identity(const struct checksum_key *key, const void *name, size_t length,
		       uint64_t hash[2]);

/* The checksum of a superblock copy: it is read before the secret is known. */
uint64_t checksum_super(const struct disk_super *super);

#endif
