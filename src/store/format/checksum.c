/* SPDX-License-Identifier: Apache-2.0 */
/*
 * checksum.c - XXH3 checksums whose seed contains everything that a block should be.
 *
 * A block from another store, from another place, from an earlier generation of the segment, or
 * inside a user's value was made with another seed, so it never passes as a header. Pure functions;
 * own nothing, any thread.
 */
#include <string.h>

#include "base/check.h"
#include "store/format/checksum.h"

void checksum_key_make(struct checksum_key *key, const uint8_t uuid[16],
		       const uint8_t secret[DISK_SECRET_BYTES], uint32_t device)
{
	uint8_t both[16 + DISK_SECRET_BYTES];

	memcpy(both, uuid, 16);
	memcpy(both + 16, secret, DISK_SECRET_BYTES);
	key->base = XXH3_64bits(both, sizeof(both));
	key->device = device;
	memcpy(key->secret, secret, DISK_SECRET_BYTES);
}

static uint64_t checksum_seed(const struct checksum_key *key, enum checksum_kind kind,
			      struct checksum_place place)
{
	/* Law seed: the checksum of each block is made with kind, device, segment, block and
	 * generation, so no other block passes for it. */
	uint64_t words[5] = {
		htole64((uint64_t)kind << 32 | key->device),
		htole64(place.segment),
		htole64(place.block),
		htole64(place.gen.epoch),
		htole64(place.gen.counter),
	};

	return xxh_hash(words, sizeof(words), key->base);
}

uint64_t checksum_data(const struct checksum_key *key, enum checksum_kind kind,
		       struct checksum_place place, const void *data, size_t length)
{
	return xxh_hash(data, length, checksum_seed(key, kind, place));
}

void checksum_stream_begin(struct checksum_stream *stream, const struct checksum_key *key,
			   enum checksum_kind kind, struct checksum_place place)
{
	XXH3_INITSTATE(&stream->state);
	XXH3_64bits_reset_withSeed(&stream->state, checksum_seed(key, kind, place));
}

void checksum_stream_add(struct checksum_stream *stream, const void *data, size_t length)
{
	xxh_update(&stream->state, data, length);
}

uint64_t checksum_stream_end(const struct checksum_stream *stream)
{
	return XXH3_64bits_digest(&stream->state);
}

uint64_t checksum_pieces(const struct checksum_key *key, enum checksum_kind kind,
			 struct checksum_place place, size_t (*next)(void *user, const void **data),
			 void *user)
{
	struct checksum_stream stream;
	const void *data;
	size_t length;

	checksum_stream_begin(&stream, key, kind, place);
	while ((length = next(user, &data)))
		checksum_stream_add(&stream, data, length);
	return checksum_stream_end(&stream);
}

static uint64_t checksum_struct(const struct checksum_key *key, enum checksum_kind kind,
				struct checksum_place place, const void *data, size_t length)
{
	return checksum_data(key, kind, place, (const uint8_t *)data + DISK_CHECKSUM_FROM,
			     length - DISK_CHECKSUM_FROM);
}

void checksum_write(const struct checksum_key *key, enum checksum_kind kind,
		    struct checksum_place place, void *data, size_t length)
{
	uint64_t sum = htole64(checksum_struct(key, kind, place, data, length));

	CHECK(length > DISK_CHECKSUM_FROM);
	memcpy((uint8_t *)data + 8, &sum, sizeof(sum));
}

bool checksum_holds(const struct checksum_key *key, enum checksum_kind kind,
		    struct checksum_place place, const void *data, size_t length)
{
	uint64_t sum;

	memcpy(&sum, (const uint8_t *)data + 8, sizeof(sum));
	/* Law structures: no header, batch or footer is used whose checksum is wrong. */
	return le64toh(sum) == checksum_struct(key, kind, place, data, length);
}

void checksum_identity(const struct checksum_key *key, const void *name, size_t length,
		       uint64_t hash[2])
{
	XXH128_hash_t h = xxh_hash_wide(name, length, key->secret, DISK_SECRET_BYTES);

	CHECK(length);
	hash[0] = h.low64;
	hash[1] = h.high64;
}

uint64_t checksum_super(const struct disk_super *super)
{
	return XXH3_64bits((const uint8_t *)super + DISK_CHECKSUM_FROM,
			   sizeof(*super) - DISK_CHECKSUM_FROM);
}
