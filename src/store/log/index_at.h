/* SPDX-License-Identifier: Apache-2.0 */
/*
 * index_at.h - where entries and heads are; shared by the files of the index.
 *
 * How a reader without a lock stays right: all memory stays where it is (chunks.h), and every link
 * that it can meet is the number of an entry that exists. So it may be led astray by a change, to
 * another bucket or to the free list, but never to memory that is not the index's. Whoever changes
 * links of a bucket counts the stripes of its entries up before and after; a reader that finds
 * another number than before starts again. The owner's stores are release stores and the reader's
 * loads are acquire loads. So the reader sees the number change if it has seen anything of the
 * change. On x86-64 these are plain moves.
 */
#ifndef STORE_LOG_INDEX_AT_H
#define STORE_LOG_INDEX_AT_H

#include "store/log/index.h"

#define INDEX_LOAD(member) __atomic_load_n(&(member), __ATOMIC_ACQUIRE)
#define INDEX_STORE(member, value) __atomic_store_n(&(member), (value), __ATOMIC_RELEASE)

static inline struct index_entry *index_entry(const struct index *x, uint32_t n)
{
	struct index_entry *chunk = chunks_get(&x->pool, n >> INDEX_CHUNK_SHIFT);

	return &chunk[n & (INDEX_CHUNK - 1)];
}

static inline uint32_t *index_head(const struct index *x, uint32_t n)
{
	uint32_t *chunk = chunks_get(&x->bucket, n >> INDEX_CHUNK_SHIFT);

	return &chunk[n & (INDEX_CHUNK - 1)];
}

/* Returns the bucket of HASH, where there are BUCKETS: its low bits, with one bit less if that
 * bucket is not split off yet. */
static inline uint32_t index_bucket(uint32_t buckets, uint64_t hash)
{
	uint32_t top = 1u << (31 - __builtin_clz(buckets));
	uint32_t n = (uint32_t)hash & (2 * top - 1);

	return n < buckets ? n : n & (top - 1);
}

static inline uint32_t index_stripe(uint64_t hash)
{
	return (uint32_t)hash & (INDEX_STRIPES - 1);
}

static inline void index_load_value(const struct index_entry *e, struct index_value *value)
{
	uint64_t place = INDEX_LOAD(e->place);

	value->position = place >> 16;
	value->flags = (uint16_t)place;
	value->checksum = INDEX_LOAD(e->checksum);
	value->length = INDEX_LOAD(e->length);
}

static inline bool index_is(const struct index_entry *e, const uint64_t hash[2])
{
	return INDEX_LOAD(e->hash[0]) == hash[0] && INDEX_LOAD(e->hash[1]) == hash[1];
}

#endif
