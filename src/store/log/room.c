/* SPDX-License-Identifier: Apache-2.0 */
/*
 * room.c - bounds the bytes of puts that are being written. This file owns struct room and struct
 * room_log, and runs on the loop's thread.
 */
#include "base/check.h"
#include "store/log/logs.h"

/* By default so much is written at the same time. It is several times what keeps the fastest drives
 * busy (14 GB/s for 1 ms are 14 MB), holds four of the longest values that caches usually have
 * (16 MiB), and a drive that writes 1 GB/s has done it in 64 ms. */
#define ROOM_DEFAULT_BYTES (64ull << 20)

void room_init(struct room *room, uint64_t max)
{
	*room = (struct room){ .max = max ? max : ROOM_DEFAULT_BYTES };
	TAILQ_INIT(&room->queue);
}

void room_begin(struct log *l)
{
	l->room.took = l->room.missing = false;
}

bool room_has(struct log *l, uint64_t open, const struct weir_store_op *op)
{
	const struct room *room = &l->all->room;
	const struct log *first = TAILQ_FIRST(&room->queue);
	uint64_t bytes = room->bytes + open;
	bool fits = op->value_len <= room->max && bytes <= room->max - op->value_len;

	if (op->kind != WEIR_STORE_PUT)
		return true;
	if (!bytes || (fits && (!first || first == l))) {
		l->room.took = true;
		return true;
	}
	l->room.missing = true;
	return false;
}

static void room_leave(struct room *room, struct log *l)
{
	if (l->room.queued)
		TAILQ_REMOVE(&room->queue, l, room.link);
	l->room.queued = false;
}

void room_end(struct log *l)
{
	struct room *room = &l->all->room;

	/* A log that waits on, for room or for the next pass, keeps its place; one that had its
	 * turn goes to the end. */
	if ((l->room.missing || pass_has_put_off(l)) && l->room.queued && !l->room.took)
		return;
	room_leave(room, l);
	if (l->room.missing) {
		TAILQ_INSERT_TAIL(&room->queue, l, room.link);
		l->room.queued = true;
		room->waits++;
	} else if (!TAILQ_EMPTY(&room->queue)) {
		log_ask(TAILQ_FIRST(&room->queue));
	}
}

void room_take(struct logs *ls, uint64_t bytes)
{
	ls->room.bytes += bytes;
	if (bytes)
		narrow_put(ls, bytes);
}

void room_give(struct logs *ls, uint64_t bytes)
{
	CHECK(ls->room.bytes >= bytes);
	ls->room.bytes -= bytes;
	if (bytes && !ls->room.bytes)
		narrow_end(ls);
	if (bytes && !TAILQ_EMPTY(&ls->room.queue))
		log_ask(TAILQ_FIRST(&ls->room.queue));
}
