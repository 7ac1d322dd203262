/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hold.c - pins and leases: each is a row in the table of pins and a flag in the index.
 *
 * The flag makes it cheap to see that nothing holds an entry: then the table and its lock are not
 * touched. Row and flag change together while the lock is held. An exception is the loop, which
 * removes an entry with its flag first and its row afterwards; whoever finds no entry meanwhile
 * finds nothing to hold. Leases whose time is over are noticed when their room or their entry is
 * needed, so they need no timer. This file owns the flags INDEX_PINNED and INDEX_LEAVING. Any
 * thread, except where hold.h says the loop.
 */
#include <errno.h>

#include "base/clock.h"
#include "store/log/hold.h"
#include "store/log/index_read.h"
#include "store/log/logs.h"

/* Removes ROW and the flag if nothing holds the key at NOW. */
static void hold_settle(struct logs *ls, struct pin *row, uint64_t now)
{
	uint64_t hash[2] = { row->hash[0], row->hash[1] };

	if (!pins_is_over(row, now))
		return;
	pins_remove(&ls->pins, row);
	/* If the owner of the index does not run, the flag stays, and a look into the table clears
	 * it later. */
	(void)index_clear_flags(&ls->index, hash, INDEX_PINNED);
}

/* Sets the flags of the entry, and returns its row. *FOUND is 1, 0 or -EAGAIN as
 * index_set_flags(), or -ENOMEM. */
static struct pin *hold_take(struct logs *ls, const uint64_t hash[2], uint16_t flags,
			     struct index_value *value, int *found)
{
	struct pin *row;

	*found = index_set_flags(&ls->index, hash, flags | INDEX_PINNED, INDEX_LEAVING, value);
	if (*found <= 0)
		return NULL;
	row = pins_get(&ls->pins, hash);
	if (!row) {
		(void)index_clear_flags(&ls->index, hash, INDEX_PINNED);
		*found = -ENOMEM;
	}
	return row;
}

int logs_hold(struct logs *ls, const uint64_t hash[2])
{
	struct index_value value;
	struct pin *row;
	int found;

	pthread_mutex_lock(&ls->pins.lock);
	row = hold_take(ls, hash, 0, &value, &found);
	if (row)
		pins_add(&ls->pins, row);
	pthread_mutex_unlock(&ls->pins.lock);
	return found > 0 ? 0 : found ? found : -ENOENT;
}

int logs_let_go(struct logs *ls, const uint64_t hash[2])
{
	struct pin *row;

	pthread_mutex_lock(&ls->pins.lock);
	row = pins_find(&ls->pins, hash);
	if (row && !row->pins)
		row = NULL;
	if (row) {
		pins_subtract(&ls->pins, row);
		hold_settle(ls, row, clock_now());
	}
	pthread_mutex_unlock(&ls->pins.lock);
	return row ? 0 : -ENOENT;
}

/* Ends the leases of ROW, to make room. */
static void hold_take_back(struct logs *ls, struct pin *row, uint64_t now)
{
	ls->pins.taken_back += row->until > now;
	pins_end_leases(&ls->pins, row);
	hold_settle(ls, row, now);
}

/*
 * Takes old leases back until BYTES more have room. Returns false if only leases of CALL are left.
 *
 * Law lease-room (pins_oldest): all leases together hold at most a quarter of the store; the oldest
 * are taken back for new ones.
 */
static bool hold_make_room(struct logs *ls, uint64_t bytes, const struct lease_call *call)
{
	struct pin *row;

	if (bytes > ls->pins.leased_max)
		return false;
	while ((row = pins_oldest(&ls->pins, bytes))) {
		if (row->call == call->number)
			return false;
		hold_take_back(ls, row, call->now);
	}
	return true;
}

/* Returns the bytes that a value of LENGTH keeps from being used again. */
static uint64_t hold_bytes(const struct logs *ls, uint32_t length)
{
	const struct layout *lay = ls->io->lay;

	return (uint64_t)layout_blocks(lay, length) << lay->block_shift;
}

/* Leases HASH. Returns as index_set_flags(), or -ENOMEM. */
static int hold_lease(struct logs *ls, const uint64_t hash[2], const struct lease_call *call,
		      bool read, struct index_value *value)
{
	struct pin *row;
	int found = index_peek(&ls->index, hash, value);
	uint64_t more;

	if (found <= 0)
		return found;
	row = pins_find(&ls->pins, hash);
	if (row && row->leases && row->until <= call->now)
		pins_end_leases(&ls->pins, row);
	more = row && row->leases ? 0 : hold_bytes(ls, value->length);
	if (more && !hold_make_room(ls, more, call))
		return 1; /* it is there, and not leased */
	row = hold_take(ls, hash, read ? INDEX_READ : 0, value, &found);
	if (row)
		pins_lease(&ls->pins, row, hold_bytes(ls, value->length), call->until,
			   call->number);
	return found;
}

void logs_lease_begin(struct logs *ls, struct lease_call *call)
{
	pthread_mutex_lock(&ls->pins.lock);
	call->number = ++ls->pins.calls;
	pthread_mutex_unlock(&ls->pins.lock);
}

int logs_lease(struct logs *ls, const uint64_t (*hash)[2], size_t n, struct lease_call *call,
	       uint64_t *lengths)
{
	int found = 0;

	pthread_mutex_lock(&ls->pins.lock);
	for (size_t i = 0; i < n && found >= 0; i++) {
		struct index_value value;

		found = hold_lease(ls, hash[i], call, !call->gap, &value);
		lengths[i] = found > 0 ? value.length : 0;
		call->gap = call->gap || found <= 0;
		call->leading += !call->gap;
	}
	pthread_mutex_unlock(&ls->pins.lock);
	return found < 0 ? found : 0;
}

void logs_end_lease(struct logs *ls, const uint64_t hash[2])
{
	struct pin *row;

	pthread_mutex_lock(&ls->pins.lock);
	row = pins_find(&ls->pins, hash);
	if (row && row->leases) {
		pins_end_lease(&ls->pins, row);
		hold_settle(ls, row, clock_now());
	}
	pthread_mutex_unlock(&ls->pins.lock);
}

void logs_count_pins(struct logs *ls, struct log_pins *counts)
{
	pthread_mutex_lock(&ls->pins.lock);
	*counts = (struct log_pins){ .pinned = ls->pins.pinned,
				     .leased = ls->pins.leased_keys,
				     .leased_bytes = ls->pins.leased_bytes,
				     .leased_max = ls->pins.leased_max,
				     .taken_back = ls->pins.taken_back };
	pthread_mutex_unlock(&ls->pins.lock);
}

uint64_t logs_count_leases(struct logs *ls, uint64_t now)
{
	const struct pin *row;
	uint64_t count = 0;

	pthread_mutex_lock(&ls->pins.lock);
	TAILQ_FOREACH(row, &ls->pins.leased, link)
		count += row->until > now;
	pthread_mutex_unlock(&ls->pins.lock);
	return count;
}

/* Returns true if the table says that HASH is held. Leases whose time is over end here. */
static bool hold_is_held(struct logs *ls, const uint64_t hash[2])
{
	struct pin *row;
	bool held;

	pthread_mutex_lock(&ls->pins.lock);
	row = pins_find(&ls->pins, hash);
	if (row)
		hold_settle(ls, row, clock_now());
	else
		(void)index_clear_flags(&ls->index, hash, INDEX_PINNED);
	held = pins_find(&ls->pins, hash) != NULL;
	pthread_mutex_unlock(&ls->pins.lock);
	return held;
}

bool hold_has(struct logs *ls, const uint64_t hash[2])
{
	struct index_value value;

	return index_get(&ls->index, hash, &value) && value.flags & INDEX_PINNED &&
	       hold_is_held(ls, hash);
}

bool hold_let_go(struct logs *ls, const uint64_t hash[2])
{
	struct index_value value = { 0 };

	/* The loop changes the index itself, so this does not fail for a change under way. */
	while (index_set_flags(&ls->index, hash, INDEX_LEAVING, INDEX_PINNED, &value) <= 0) {
		if (!(value.flags & INDEX_PINNED))
			return true; /* it is gone already */
		if (hold_is_held(ls, hash))
			return false;
	}
	return true;
}

void hold_stay(struct logs *ls, const uint64_t hash[2])
{
	(void)index_clear_flags(&ls->index, hash, INDEX_LEAVING);
}

void hold_break(struct logs *ls, const uint64_t hash[2])
{
	struct index_value value;

	if (index_set_flags(&ls->index, hash, INDEX_LEAVING, 0, &value) > 0)
		hold_forget(ls, hash, &value);
}

void hold_resize(struct logs *ls, const uint64_t hash[2], uint32_t length)
{
	struct pin *row;
	uint64_t now = clock_now();

	pthread_mutex_lock(&ls->pins.lock);
	row = pins_find(&ls->pins, hash);
	if (row && row->leases)
		pins_resize(&ls->pins, row, hold_bytes(ls, length));
	while ((row = pins_oldest(&ls->pins, 0)))
		hold_take_back(ls, row, now);
	pthread_mutex_unlock(&ls->pins.lock);
}

uint64_t hold_changes(struct logs *ls)
{
	uint64_t changes;

	pthread_mutex_lock(&ls->pins.lock);
	/* The time of a lease may be over before anybody notices. */
	ls->pins.changes += ls->pins.leased_keys > 0;
	changes = ls->pins.changes;
	pthread_mutex_unlock(&ls->pins.lock);
	return changes;
}

void hold_forget(struct logs *ls, const uint64_t hash[2], const struct index_value *value)
{
	struct pin *row;

	if (!(value->flags & INDEX_PINNED))
		return;
	pthread_mutex_lock(&ls->pins.lock);
	row = pins_find(&ls->pins, hash);
	if (row)
		pins_remove(&ls->pins, row);
	pthread_mutex_unlock(&ls->pins.lock);
}
