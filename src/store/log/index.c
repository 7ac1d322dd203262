/* SPDX-License-Identifier: Apache-2.0 */
/*
 * index.c - the index: linear hashing over chunks.
 *
 * Entries live in a pool and are named by their number, so growing moves none of them. This file
 * owns the entries and their links. It is used by the store's loop, and by recovery before there is
 * one; index_read.c reads at the same time, and sets flags.
 */
#include <errno.h>
#include <string.h>

#include "base/check.h"
#include "store/log/index_at.h"

static int index_add_pool(struct index *x)
{
	/* The last number is INDEX_END. */
	if (x->pool.count >= INDEX_END >> INDEX_CHUNK_SHIFT)
		return -ENOMEM;
	return chunks_add(&x->pool, INDEX_CHUNK * sizeof(struct index_entry), 0, &x->bytes);
}

static int index_add_buckets(struct index *x)
{
	return chunks_add(&x->bucket, INDEX_CHUNK * sizeof(uint32_t), 0xff, &x->bytes);
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
	chunks_free(&x->pool);
	chunks_free(&x->bucket);
	memset(x, 0, sizeof(*x));
}

/* Counts the numbers of the stripes up whose entries are in bucket N, or will be in the bucket that
 * is split off it: those that are N modulo TOP. Called before links are changed, and after. */
static void index_count_up(struct index *x, uint32_t n, uint32_t top)
{
	for (n &= INDEX_STRIPES - 1; n < INDEX_STRIPES; n += top)
		INDEX_STORE(x->stripe[n], x->stripe[n] + 1);
}

/* Returns the highest power of two that is not above the number of buckets. */
static uint32_t index_top(const struct index *x)
{
	return 1u << (31 - __builtin_clz(x->buckets));
}

/* Returns the link that points to the entry of HASH, or the last link of its bucket. */
static uint32_t *index_find(const struct index *x, const uint64_t hash[2])
{
	uint32_t *link = index_head(x, index_bucket(x->buckets, hash[0]));

	while (*link != INDEX_END) {
		struct index_entry *e = index_entry(x, *link);

		if (e->hash[0] == hash[0] && e->hash[1] == hash[1])
			break;
		link = &e->next;
	}
	return link;
}

bool index_get(const struct index *x, const uint64_t hash[2], struct index_value *value)
{
	uint32_t *link = index_find(x, hash);

	if (*link == INDEX_END)
		return false;
	if (value)
		index_load_value(index_entry(x, *link), value);
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
			index_load_value(index_entry(x, n), &value);
			fn(index_entry(x, n)->hash, &value, user);
		}
}

/* Deals the entries of bucket LOW out to it and to the new bucket HIGH: those with the bit TOP in
 * their hash go there. */
static void index_deal(struct index *x, uint32_t *low, uint32_t *high, uint32_t top)
{
	uint32_t n = *low, next;

	INDEX_STORE(*low, INDEX_END);
	for (; n != INDEX_END; n = next) {
		struct index_entry *e = index_entry(x, n);
		uint32_t **end = e->hash[0] & top ? &high : &low;

		next = e->next;
		INDEX_STORE(e->next, INDEX_END);
		INDEX_STORE(**end, n);
		*end = &e->next;
	}
}

/* Splits one bucket. If there is no memory, chains only become a little longer. */
static void index_split(struct index *x)
{
	uint32_t top, from;

	if (x->buckets == 1u << 31 ||
	    (x->buckets == x->bucket.count << INDEX_CHUNK_SHIFT && index_add_buckets(x)))
		return;
	top = index_top(x);
	from = x->buckets - top;
	index_count_up(x, from, top);
	INDEX_STORE(x->buckets, x->buckets + 1);
	index_deal(x, index_head(x, from), index_head(x, from + top), top);
	index_count_up(x, from, top);
}

static uint64_t index_room_left(const struct index *x)
{
	uint64_t all = (uint64_t)x->pool.count << INDEX_CHUNK_SHIFT;

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

	CHECK(x->fresh <= x->pool.count << INDEX_CHUNK_SHIFT);
	if (n != INDEX_END) {
		x->free = index_entry(x, n)->next;
		return n;
	}
	if (x->fresh == x->pool.count << INDEX_CHUNK_SHIFT && index_add_pool(x))
		return INDEX_END;
	return x->fresh++;
}

/* Gives E its value. It keeps its flag INDEX_PINNED, which another thread may set meanwhile.
 * Returns the flags that it had. */
static uint16_t index_fill(struct index_entry *e, const struct index_value *value)
{
	uint64_t place = value->position << 16 | value->flags, old = INDEX_LOAD(e->place);

	INDEX_STORE(e->checksum, value->checksum);
	INDEX_STORE(e->length, value->length);
	while (!__atomic_compare_exchange_n(&e->place, &old, place | (old & INDEX_PINNED), false,
					    __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
		;
	return (uint16_t)old;
}

static void index_refill(struct index *x, struct index_entry *e, const struct index_value *value,
			 struct index_value *old)
{
	uint32_t stripe = index_stripe(e->hash[0]);

	index_load_value(e, old);
	x->live_bytes += value->length - (uint64_t)e->length;
	/* No link changes, so only readers of this key must notice. */
	index_count_up(x, stripe, INDEX_STRIPES);
	old->flags = index_fill(e, value);
	index_count_up(x, stripe, INDEX_STRIPES);
}

int index_replace(struct index *x, const uint64_t hash[2], const struct index_value *value,
		  struct index_value *old)
{
	uint32_t *link = index_find(x, hash), n;
	struct index_entry *e;

	CHECK(!(value->position >> INDEX_POSITION_BITS));
	if (*link != INDEX_END) {
		index_refill(x, index_entry(x, *link), value, old);
		return 1;
	}
	n = index_take(x);
	if (n == INDEX_END)
		return -ENOMEM;
	e = index_entry(x, n);
	INDEX_STORE(e->hash[0], hash[0]);
	INDEX_STORE(e->hash[1], hash[1]);
	(void)index_fill(e, value);
	INDEX_STORE(e->next, INDEX_END);
	/* Readers see the entry whole, or not yet; no other link changes. */
	INDEX_STORE(*link, n);
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

static void index_unlink(struct index *x, uint32_t *link, struct index_value *old)
{
	uint32_t n = *link;
	struct index_entry *e = index_entry(x, n);
	uint32_t bucket = index_bucket(x->buckets, e->hash[0]);

	CHECK(x->entries > 0 && x->live_bytes >= e->length);
	index_load_value(e, old);
	x->entries--;
	x->live_bytes -= e->length;
	/* Readers of all keys of the bucket may come by here. While there are fewer buckets than
	 * stripes, these keys are in several stripes. */
	index_count_up(x, bucket, index_top(x));
	INDEX_STORE(*link, e->next);
	/* From here on no other thread can set flags. */
	old->flags = (uint16_t)__atomic_exchange_n(&e->place, 0, __ATOMIC_ACQ_REL);
	INDEX_STORE(e->next, x->free);
	index_count_up(x, bucket, index_top(x));
	x->free = n;
}

bool index_remove(struct index *x, const uint64_t hash[2], struct index_value *old)
{
	uint32_t *link = index_find(x, hash);

	if (*link == INDEX_END)
		return false;
	index_unlink(x, link, old);
	return true;
}

uint64_t index_sweep(struct index *x, uint64_t from, uint64_t to)
{
	struct index_value old;
	uint64_t removed = 0;
	uint32_t bucket, *link;

	CHECK(from < to);
	for (bucket = 0; bucket < x->buckets; bucket++) {
		for (link = index_head(x, bucket); *link != INDEX_END;) {
			struct index_entry *e = index_entry(x, *link);
			uint64_t position = INDEX_LOAD(e->place) >> 16;

			if (position < from || position >= to) {
				link = &e->next;
				continue;
			}
			index_unlink(x, link, &old);
			removed++;
		}
	}
	return removed;
}
