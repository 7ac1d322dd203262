/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pins.c - the table of the keys that pins and leases hold: rows by hash, and the leased ones in
 * the order in which they were leased. This file owns struct pins and struct pin. Any thread that
 * holds the lock.
 */
#include <errno.h>
#include <stdlib.h>

#include "base/check.h"
#include "store/log/pins.h"

#define PINS_BUCKETS 256u

int pins_init(struct pins *p, uint64_t max)
{
	*p = (struct pins){ .buckets = PINS_BUCKETS, .leased_max = max };
	TAILQ_INIT(&p->leased);
	p->bucket = calloc(p->buckets, sizeof(struct pin *));
	if (!p->bucket)
		return -ENOMEM;
	pthread_mutex_init(&p->lock, NULL);
	return 0;
}

void pins_free(struct pins *p)
{
	for (uint32_t n = 0; p->bucket && n < p->buckets; n++) {
		struct pin *row = p->bucket[n], *next;

		for (; row; row = next) {
			next = row->next;
			free(row);
		}
	}
	free(p->bucket);
	p->bucket = NULL;
}

static struct pin **pins_link(const struct pins *p, const uint64_t hash[2])
{
	struct pin **link = &p->bucket[hash[1] & (p->buckets - 1)];

	while (*link && ((*link)->hash[0] != hash[0] || (*link)->hash[1] != hash[1]))
		link = &(*link)->next;
	return link;
}

struct pin *pins_find(const struct pins *p, const uint64_t hash[2])
{
	return *pins_link(p, hash);
}

/* Doubles the buckets. If there is no memory, the chains only become longer. */
static void pins_grow(struct pins *p)
{
	struct pin **old = p->bucket, **more = calloc(2 * (size_t)p->buckets, sizeof(struct pin *));
	uint32_t n, buckets = p->buckets;

	if (!more)
		return;
	p->bucket = more;
	p->buckets *= 2;
	for (n = 0; n < buckets; n++) {
		while (old[n]) {
			struct pin *row = old[n];

			old[n] = row->next;
			row->next = p->bucket[row->hash[1] & (p->buckets - 1)];
			p->bucket[row->hash[1] & (p->buckets - 1)] = row;
		}
	}
	free(old);
}

struct pin *pins_get(struct pins *p, const uint64_t hash[2])
{
	struct pin **link = pins_link(p, hash), *row = *link;

	if (row)
		return row;
	row = calloc(1, sizeof(*row));
	if (!row)
		return NULL;
	row->hash[0] = hash[0];
	row->hash[1] = hash[1];
	*link = row;
	if (++p->count > p->buckets && p->buckets < 1u << 31)
		pins_grow(p);
	return row;
}

void pins_remove(struct pins *p, struct pin *row)
{
	struct pin **link = pins_link(p, row->hash);

	CHECK(*link == row && p->count > 0);
	if (row->leases)
		pins_end_leases(p, row);
	p->pinned -= row->pins > 0;
	*link = row->next;
	p->changes++;
	p->count--;
	free(row);
}

void pins_add(struct pins *p, struct pin *row)
{
	p->pinned += !row->pins++;
	CHECK(row->pins);
}

void pins_subtract(struct pins *p, struct pin *row)
{
	CHECK(row->pins > 0 && p->pinned > 0);
	p->pinned -= !--row->pins;
}

void pins_resize(struct pins *p, struct pin *row, uint64_t bytes)
{
	CHECK(row->leases && p->leased_bytes >= row->bytes);
	p->leased_bytes += bytes - row->bytes;
	row->bytes = bytes;
}

void pins_lease(struct pins *p, struct pin *row, uint64_t bytes, uint64_t until, uint64_t call)
{
	if (row->leases)
		TAILQ_REMOVE(&p->leased, row, link);
	else
		p->leased_keys++;
	row->leases++;
	pins_resize(p, row, bytes);
	row->call = call;
	if (until > row->until)
		row->until = until;
	TAILQ_INSERT_TAIL(&p->leased, row, link);
}

void pins_end_leases(struct pins *p, struct pin *row)
{
	CHECK(row->leases && p->leased_keys > 0 && p->leased_bytes >= row->bytes);
	TAILQ_REMOVE(&p->leased, row, link);
	p->leased_keys--;
	p->leased_bytes -= row->bytes;
	row->leases = 0;
	row->bytes = row->until = 0;
}

/* Law lease-end: a lease ends at the get, or when its time is over. */
void pins_end_lease(struct pins *p, struct pin *row)
{
	CHECK(row->leases);
	if (row->leases > 1)
		row->leases--;
	else
		pins_end_leases(p, row);
}

struct pin *pins_oldest(const struct pins *p, uint64_t bytes)
{
	return p->leased_bytes + bytes > p->leased_max ? TAILQ_FIRST(&p->leased) : NULL;
}
