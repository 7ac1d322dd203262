/* SPDX-License-Identifier: Apache-2.0 */
/*
 * index.c - the index: linear hashing over chunks.
 *
 * Entries live in a pool and are named by their number, so growing moves none of them. Only the
 * arrays of chunk pointers are reallocated, 1/1000 of the whole. This file owns the chunks. It is
 * used by the store's loop, and by recovery before there is one.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "store/log/index.h"

static struct index_entry *index_entry(const struct index *x, uint32_t n)
{
	return &x->pool[n >> INDEX_CHUNK_SHIFT][n & (INDEX_CHUNK - 1)];
}

static uint32_t *index_head(const struct index *x, uint32_t n)
{
	return &x->bucket[n >> INDEX_CHUNK_SHIFT][n & (INDEX_CHUNK - 1)];
}

/* Returns the bucket of HASH: its low bits, with one bit less if that bucket is not split off
 * yet. */
static uint32_t index_bucket(const struct index *x, uint64_t hash)
{
	uint32_t top = 1u << (31 - __builtin_clz(x->buckets));
	uint32_t n = (uint32_t)hash & (2 * top - 1);

	return n < x->buckets ? n : n & (top - 1);
}

/* Makes room for one more chunk pointer. The room is doubled, so this is rare. */
static int index_room(struct index *x, void **array, uint32_t used, uint32_t *room)
{
	uint32_t want = *room ? *room * 2 : 16;
	void *more;

	if (used < *room)
		return 0;
	more = realloc(*array, want * sizeof(void *));
	if (!more)
		return -ENOMEM;
	x->bytes += (want - *room) * sizeof(void *);
	*array = more;
	*room = want;
	return 0;
}

static int index_add_pool(struct index *x)
{
	void *array = x->pool;
	int err = index_room(x, &array, x->pool_chunks, &x->pool_room);

	x->pool = array;
	/* The last number is INDEX_END. */
	if (err || x->pool_chunks >= (INDEX_END >> INDEX_CHUNK_SHIFT))
		return -ENOMEM;
	x->pool[x->pool_chunks] = malloc(INDEX_CHUNK * sizeof(struct index_entry));
	if (!x->pool[x->pool_chunks])
		return -ENOMEM;
	x->pool_chunks++;
	x->bytes += INDEX_CHUNK * sizeof(struct index_entry);
	return 0;
}

static int index_add_buckets(struct index *x)
{
	void *array = x->bucket;
	int err = index_room(x, &array, x->bucket_chunks, &x->bucket_room);

	x->bucket = array;
	if (err)
		return err;
	x->bucket[x->bucket_chunks] = malloc(INDEX_CHUNK * sizeof(uint32_t));
	if (!x->bucket[x->bucket_chunks])
		return -ENOMEM;
	memset(x->bucket[x->bucket_chunks], 0xff, INDEX_CHUNK * sizeof(uint32_t));
	x->bucket_chunks++;
	x->bytes += INDEX_CHUNK * sizeof(uint32_t);
	return 0;
}

int index_init(struct index *x)
{
	memset(x, 0, sizeof(*x));
	x->free = INDEX_END;
	x->buckets = 1;
	if (index_add_buckets(x) || index_add_pool(x)) {
		index_free(x);
		return -ENOMEM;
	}
	return 0;
}

void index_free(struct index *x)
{
	uint32_t n;

	for (n = 0; n < x->pool_chunks; n++)
		free(x->pool[n]);
	for (n = 0; n < x->bucket_chunks; n++)
		free(x->bucket[n]);
	free(x->pool);
	free(x->bucket);
	memset(x, 0, sizeof(*x));
}

/* Returns the link that points to the entry of HASH, or the last link of its bucket. */
static uint32_t *index_find(const struct index *x, const uint64_t hash[2])
{
	uint32_t *link = index_head(x, index_bucket(x, hash[0]));

	while (*link != INDEX_END) {
		struct index_entry *e = index_entry(x, *link);

		if (e->hash[0] == hash[0] && e->hash[1] == hash[1])
			break;
		link = &e->next;
	}
	return link;
}

static void index_value(const struct index_entry *e, struct index_value *value)
{
	value->position = e->place >> 16;
	value->flags = (uint16_t)e->place;
	value->checksum = e->checksum;
	value->length = e->length;
}

bool index_get(const struct index *x, const uint64_t hash[2], struct index_value *value)
{
	uint32_t *link = index_find(x, hash);

	if (*link == INDEX_END)
		return false;
	if (value)
		index_value(index_entry(x, *link), value);
	return true;
}

void index_each(const struct index *x,
		void (*fn)(const uint64_t hash[2], const struct index_value *value, void *user),
		void *user)
{
	struct index_value value;
	uint32_t bucket, n;

	for (bucket = 0; bucket < x->buckets; bucket++)
		for (n = *index_head(x, bucket); n != INDEX_END; n = index_entry(x, n)->next) {
			index_value(index_entry(x, n), &value);
			fn(index_entry(x, n)->hash, &value, user);
		}
}

/* Splits one bucket. If there is no memory, chains only become a little longer. */
static void index_split(struct index *x)
{
	uint32_t top, from, n, next, *low, *high;

	if (x->buckets == 1u << 31 ||
	    (x->buckets == x->bucket_chunks << INDEX_CHUNK_SHIFT && index_add_buckets(x)))
		return;
	top = 1u << (31 - __builtin_clz(x->buckets));
	from = x->buckets - top;
	low = index_head(x, from);
	high = index_head(x, x->buckets++);
	for (n = *low, *low = INDEX_END; n != INDEX_END; n = next) {
		struct index_entry *e = index_entry(x, n);
		uint32_t **end = e->hash[0] & top ? &high : &low;

		next = e->next;
		e->next = INDEX_END;
		**end = n;
		*end = &e->next;
	}
}

static uint64_t index_room_left(const struct index *x)
{
	uint64_t all = (uint64_t)x->pool_chunks << INDEX_CHUNK_SHIFT;

	CHECK(all >= x->entries);
	return all - x->entries;
}

int index_reserve(struct index *x)
{
	if (index_room_left(x) <= x->reserved && index_add_pool(x))
		return -ENOMEM;
	x->reserved++;
	return 0;
}

void index_unreserve(struct index *x)
{
	CHECK(x->reserved > 0);
	x->reserved--;
}

static uint32_t index_take(struct index *x)
{
	uint32_t n = x->free;

	CHECK(x->fresh <= x->pool_chunks << INDEX_CHUNK_SHIFT);
	if (n != INDEX_END) {
		x->free = index_entry(x, n)->next;
		return n;
	}
	if (x->fresh == x->pool_chunks << INDEX_CHUNK_SHIFT && index_add_pool(x))
		return INDEX_END;
	return x->fresh++;
}

static void index_fill(struct index_entry *e, const struct index_value *value)
{
	e->checksum = value->checksum;
	e->place = value->position << 16 | value->flags;
	e->length = value->length;
}

int index_replace(struct index *x, const uint64_t hash[2], const struct index_value *value,
		  struct index_value *old)
{
	uint32_t *link = index_find(x, hash), n;
	struct index_entry *e;

	CHECK(!(value->position >> INDEX_POSITION_BITS));
	if (*link != INDEX_END) {
		e = index_entry(x, *link);
		index_value(e, old);
		x->live_bytes += value->length - (uint64_t)e->length;
		index_fill(e, value);
		return 1;
	}
	n = index_take(x);
	if (n == INDEX_END)
		return -ENOMEM;
	e = index_entry(x, n);
	e->hash[0] = hash[0];
	e->hash[1] = hash[1];
	index_fill(e, value);
	e->next = INDEX_END;
	*link = n;
	x->entries++;
	x->live_bytes += value->length;
	if (x->entries > x->buckets)
		index_split(x);
	return 0;
}

int index_set(struct index *x, const uint64_t hash[2], const struct index_value *value)
{
	struct index_value old;
	int err = index_replace(x, hash, value, &old);

	return err < 0 ? err : 0;
}

static void index_unlink(struct index *x, uint32_t *link)
{
	uint32_t n = *link;
	struct index_entry *e = index_entry(x, n);

	CHECK(x->entries > 0 && x->live_bytes >= e->length);
	*link = e->next;
	x->entries--;
	x->live_bytes -= e->length;
	e->next = x->free;
	x->free = n;
}

bool index_remove(struct index *x, const uint64_t hash[2])
{
	uint32_t *link = index_find(x, hash);

	if (*link == INDEX_END)
		return false;
	index_unlink(x, link);
	return true;
}

uint64_t index_sweep(struct index *x, uint64_t from, uint64_t to)
{
	uint64_t removed = 0;
	uint32_t bucket, *link;

	CHECK(from < to);
	for (bucket = 0; bucket < x->buckets; bucket++) {
		for (link = index_head(x, bucket); *link != INDEX_END;) {
			struct index_entry *e = index_entry(x, *link);
			uint64_t position = e->place >> 16;

			if (position < from || position >= to) {
				link = &e->next;
				continue;
			}
			index_unlink(x, link);
			removed++;
		}
	}
	return removed;
}
