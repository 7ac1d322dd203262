/* SPDX-License-Identifier: Apache-2.0 */
/*
 * memory.c - the table of registered memory: which ranges a program gave, and the pieces of them
 * that engines can register.
 *
 * Owns the table but for what lanes note in it (lane/registered.c). Any thread, under the queue's
 * lock.
 */
#include "queue/memory.h"

#include <errno.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/error.h"
#include "queue/lane/lane.h"

static int memory_make_registry(struct weir_queue *q)
{
	struct registry *r = q->registry;

	if (r)
		return 0;
	r = calloc(1, sizeof(*r) + (size_t)q->nr_lanes * REGISTERED_MAX * sizeof(r->known[0]));
	q->registry = r;
	return r ? 0 : error_sys(-ENOMEM, "cannot register memory");
}

static bool memory_in_use(const struct range *range)
{
	return range->users || range->pieces;
}

struct range *memory_range(const struct weir_queue *q, const void *base, size_t length)
{
	struct registry *r = q->registry;

	for (uint32_t i = 0; r && i < r->nr_ranges; i++)
		if (r->range[i].users && r->range[i].base == (uintptr_t)base &&
		    r->range[i].length == length)
			return &r->range[i];
	return NULL;
}

/* Forgets that lanes failed on pieces of RANGE, so that they try again. */
static void memory_try_again(struct weir_queue *q, const struct range *range)
{
	struct registry *r = q->registry;

	for (uint32_t i = 0; i < r->nr_pieces; i++)
		for (uint32_t n = 0;
		     r->piece[i].serial && &r->range[r->piece[i].range] == range && n < q->nr_lanes;
		     n++)
			if (r->known[n * REGISTERED_MAX + i].result)
				r->known[n * REGISTERED_MAX + i] = (struct lane_piece){ 0, 0 };
}

static uint32_t memory_free_places(const struct registry *r)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < REGISTERED_MAX; i++)
		n += !r->piece[i].serial;
	return n;
}

/* Splits RANGE into pieces, for which there is room. */
static void memory_add_pieces(struct registry *r, struct range *range, uint32_t serial)
{
	size_t done = 0;

	for (uint32_t i = 0; done < range->length; i++) {
		size_t left = range->length - done;

		CHECK(i < REGISTERED_MAX);
		if (r->piece[i].serial)
			continue;
		r->piece[i] = (struct piece){ .base = range->base + done,
					      .length = left < PIECE_MAX ? left : PIECE_MAX,
					      .serial = serial,
					      .range = (uint32_t)(range - r->range) };
		done += r->piece[i].length;
		range->pieces++;
		if (i >= r->nr_pieces)
			__atomic_store_n(&r->nr_pieces, i + 1, __ATOMIC_RELEASE);
	}
}

static int memory_add_range(struct weir_queue *q, void *base, size_t length)
{
	struct registry *r = q->registry;
	struct range *range = r->range;
	size_t need = (length - 1) / PIECE_MAX + 1;
	uint32_t places = memory_free_places(r);

	if (need > places)
		return error_set(-ENOSPC,
				 "%zu pieces of at most 1 GiB: of %u that can be registered %u are "
				 "free (%s frees some)",
				 need, REGISTERED_MAX, places, error_name(ERROR_UNREGISTER));
	while (memory_in_use(range)) /* one is free: there are no more ranges than pieces */
		range++;
	CHECK(range < r->range + REGISTERED_MAX);
	*range = (struct range){ .base = (uintptr_t)base, .length = length, .users = 1 };
	if ((uint32_t)(range - r->range) >= r->nr_ranges)
		r->nr_ranges = (uint32_t)(range - r->range) + 1;
	memory_add_pieces(r, range, q->register_serial + 1);
	return 0;
}

int memory_add(struct weir_queue *q, void *base, size_t length)
{
	struct range *range;
	int err = memory_make_registry(q);

	if (err)
		return err;
	range = memory_range(q, base, length);
	if (range) {
		range->users++;
		range->error = 0;
		memory_try_again(q, range);
	} else {
		err = memory_add_range(q, base, length);
	}
	if (!err)
		__atomic_add_fetch(&q->register_serial, 1, __ATOMIC_SEQ_CST);
	return err;
}

int memory_remove(struct weir_queue *q, void *base, size_t length)
{
	struct range *range = memory_range(q, base, length);
	struct registry *r = q->registry;

	if (!range)
		return error_set(-ENOENT, "%zu bytes at %p: not registered as one range", length,
				 base);
	CHECK(range->users);
	if (--range->users)
		return 0;
	for (uint32_t i = 0; i < r->nr_pieces; i++)
		if (r->piece[i].serial && &r->range[r->piece[i].range] == range) {
			r->piece[i].leaving = true;
			registered_free_piece(q, i);
		}
	__atomic_add_fetch(&q->register_serial, 1, __ATOMIC_SEQ_CST);
	return 0;
}
