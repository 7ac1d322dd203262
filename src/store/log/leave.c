/* SPDX-License-Identifier: Apache-2.0 */
/*
 * leave.c - remembers which keys left the store and why, and tells the program.
 *
 * This file owns struct leave and runs on the loop's thread; other threads may look a key up at the
 * same time. The table is made when the store is opened and never grows, so that a note cannot
 * fail.
 */
#include <errno.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/hist.h"
#include "store/log/logs.h"

#define LEAVE_MS 1000000ull /* nanoseconds */

int leave_init(struct leave *leave, const struct weir_store_opts *opts)
{
	uint32_t ghosts = opts->ghosts ? opts->ghosts : LEAVE_GHOSTS_DEFAULT, buckets = 1;

	CHECK(!leave->ghosts);
	leave->changed = opts->changed;
	leave->user = opts->changed_user;
	if (opts->ghosts == WEIR_GHOSTS_NONE)
		return 0;
	if (ghosts > LEAVE_GHOSTS_MAX)
		ghosts = LEAVE_GHOSTS_MAX;
	while (buckets * LEAVE_BUCKET < ghosts)
		buckets *= 2;
	/* Pages that no ghost was written to take no memory. */
	leave->ghosts = calloc((size_t)buckets * LEAVE_BUCKET, sizeof(*leave->ghosts));
	leave->buckets = leave->ghosts ? buckets : 0;
	return leave->ghosts ? 0 : -ENOMEM;
}

void leave_free(struct leave *leave)
{
	free(leave->ghosts);
	leave->ghosts = NULL;
	leave->buckets = 0;
}

static struct leave_ghost *leave_bucket(const struct leave *leave, const uint64_t hash[2])
{
	/* The low bits of the first half choose a bucket of the index, so these are others. */
	return &leave->ghosts[(hash[1] & (leave->buckets - 1)) * LEAVE_BUCKET];
}

static uint64_t leave_load(const uint64_t *word)
{
	return __atomic_load_n(word, __ATOMIC_RELAXED);
}

static bool leave_is(const struct leave_ghost *g, const uint64_t hash[2])
{
	return leave_load(&g->when) && leave_load(&g->hash[0]) == hash[0] &&
	       leave_load(&g->hash[1]) == hash[1];
}

/* Returns the place for HASH: its own if it has left before, or that of the oldest ghost. */
static struct leave_ghost *leave_place(const struct leave *leave, const uint64_t hash[2])
{
	struct leave_ghost *bucket = leave_bucket(leave, hash), *oldest = bucket;
	uint32_t n;

	for (n = 0; n < LEAVE_BUCKET; n++) {
		if (leave_is(&bucket[n], hash))
			return &bucket[n];
		if (bucket[n].when < oldest->when)
			oldest = &bucket[n];
	}
	return oldest;
}

static void leave_remember(const struct leave *leave, const uint64_t hash[2],
			   enum weir_leave reason)
{
	struct leave_ghost *g = leave_place(leave, hash);

	__atomic_store_n(&g->hash[0], hash[0], __ATOMIC_RELAXED);
	__atomic_store_n(&g->hash[1], hash[1], __ATOMIC_RELAXED);
	__atomic_store_n(&g->when, clock_wall() / LEAVE_MS << 8 | reason, __ATOMIC_RELAXED);
}

void leave_note(struct logs *ls, const uint64_t hash[2], const void *key, uint32_t key_len,
		enum weir_leave reason)
{
	struct leave *leave = &ls->leave;
	struct weir_store_change change = { .size = sizeof(change),
					    .reason = reason,
					    .key = key,
					    .key_len = key_len,
					    .hash = { hash[0], hash[1] } };

	CHECK(reason >= WEIR_LEAVE_EVICTED && reason <= WEIR_LEAVE_OUT_OF_USE);
	CHECK(!key == !key_len);
	leave->noted++;
	hist_add(&leave->reasons[reason], 1);
	if (leave->ghosts)
		leave_remember(leave, hash, reason);
	if (leave->changed)
		leave->changed(leave->user, &change);
}

void leave_note_refused(struct logs *ls, const uint64_t hash[2])
{
	ls->leave.noted++;
	if (ls->leave.ghosts)
		leave_remember(&ls->leave, hash, WEIR_LEAVE_REFUSED);
}

uint32_t leave_find(const struct logs *ls, const uint64_t hash[2], uint64_t *time_ns)
{
	const struct leave_ghost *g = ls->leave.ghosts ? leave_bucket(&ls->leave, hash) : NULL;
	uint64_t when;
	uint32_t n;

	for (n = 0; g && n < LEAVE_BUCKET; n++) {
		if (!leave_is(&g[n], hash))
			continue;
		when = leave_load(&g[n].when);
		*time_ns = (when >> 8) * LEAVE_MS;
		return when & 0xff;
	}
	*time_ns = 0;
	return 0;
}

uint32_t logs_reason(const struct logs *ls, const uint64_t hash[2])
{
	uint64_t when;

	return leave_find(ls, hash, &when);
}

void logs_count_left(const struct logs *ls, uint64_t left[WEIR_LEAVE_OUT_OF_USE + 1])
{
	for (uint32_t n = 0; n <= WEIR_LEAVE_OUT_OF_USE; n++)
		left[n] = leave_load(&ls->leave.reasons[n]);
}

uint64_t leave_bytes(const struct logs *ls)
{
	return (uint64_t)ls->leave.buckets * LEAVE_BUCKET * sizeof(struct leave_ghost);
}

void logs_why(const struct logs *ls, const uint64_t hash[2], struct weir_store_why *why)
{
	struct index_value value;

	*why = (struct weir_store_why){ .size = sizeof(*why), .noted = ls->leave.noted };
	why->there = index_get(&ls->index, hash, &value);
	why->value_len = why->there ? value.length : 0;
	why->reason = leave_find(ls, hash, &why->time_ns);
}
