/* SPDX-License-Identifier: Apache-2.0 */
/*
 * uring_slots.c - gives each command a slot of the ring until it has finished.
 *
 * A ring has an array beside its slots: each entry of the SQ names its slot. So slots are taken
 * from a list of free ones, in any order, and a slot becomes free only when the command in it has
 * finished. Linux 6.12 reads the slot of a passthrough command again, long after it took the entry,
 * if the command could not be started at once. If another command were in the slot by then, that
 * one would run twice and the first one never. (An ordinary ring does not need this care, but has
 * it.) A command that hangs keeps only its own slot.
 *
 * liburing's io_uring_get_sqe() would give out slots in order, so it is not used on these rings.
 * The tail that it counts is counted here, because liburing's other functions use it. Lane's owner
 * only.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "engine/uring.h"

/* In a big ring, a slot is two of the entries that liburing declares. */
static struct io_uring_sqe *slot_entry(const struct uring *u, unsigned slot)
{
	return &u->ring.sq.sqes[slot << (u->kind->ring_flags & IORING_SETUP_SQE128 ? 1 : 0)];
}

int uring_slots_init(struct uring *u, unsigned count)
{
	u->free_slots = malloc(count * sizeof(*u->free_slots));
	if (!u->free_slots)
		return -ENOMEM;
	for (u->nr_free_slots = 0; u->nr_free_slots < count; u->nr_free_slots++)
		u->free_slots[u->nr_free_slots] = (uint16_t)u->nr_free_slots;
	return 0;
}

void uring_slots_free(struct uring *u)
{
	free(u->free_slots);
	u->free_slots = NULL;
}

struct io_uring_sqe *uring_slot_take(struct uring *u, uint16_t *slot)
{
	struct io_uring_sq *sq = &u->ring.sq;
	struct io_uring_sqe *sqe;

	/* There is a free slot, and room in the SQ: see uring.h. */
	*slot = u->free_slots[--u->nr_free_slots];
	sq->array[sq->sqe_tail++ & sq->ring_mask] = *slot;
	sqe = slot_entry(u, *slot);
	/* From liburing 2.4 on, io_uring_prep_*() leave this to io_uring_get_sqe(). */
	memset(sqe, 0, sizeof(*sqe));
	return sqe;
}

void uring_slot_put(struct uring *u, uint16_t slot)
{
	u->free_slots[u->nr_free_slots++] = slot;
}

void uring_slots_list(struct uring *u, unsigned count, struct cmds *list)
{
	for (unsigned i = 0; i < u->nr_free_slots; i++)
		slot_entry(u, u->free_slots[i])->user_data = 0;
	for (unsigned slot = 0; slot < count; slot++) {
		uint64_t data = slot_entry(u, slot)->user_data & ~URING_WRITES_ZEROES;

		if (data && data != URING_WAKE)
			cmds_push(list, (struct weir_cmd *)(uintptr_t)data);
	}
}

uint64_t uring_unsent(const struct uring *u, unsigned position)
{
	return slot_entry(u, u->ring.sq.array[position & u->ring.sq.ring_mask])->user_data;
}
