/* SPDX-License-Identifier: Apache-2.0 */
/*
 * registered.c - memory that is registered with the queue reaches the engine of each lane.
 *
 * A range of memory lies in the queue's table (registry.h) as pieces that an engine can register;
 * the place of a piece in the table is the engine's buffer number on every lane. Each change counts
 * `register_serial` up. When a lane sees that, it registers and lets go of pieces with its engine,
 * on its own thread, and notes under the queue's lock what came of it. A piece that leaves is not
 * looked up any more from the lane's next look on; it stays with the engine until the last command
 * on it has ended, and its place in the table is free when no lane has it.
 *
 * Owns lane->registered, and `known` of the table. The lane's owner.
 */
#include "queue/lane/registered.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/error.h"
#include "queue/lane/queue.h"
#include "queue/lane/registry.h"

static int registered_cmp(const void *a, const void *b)
{
	const struct registered_range *x = a, *y = b;

	return x->base < y->base ? -1 : x->base > y->base;
}

/* Sorts lane->registered.ranges by address. Ranges may overlap, so each also says how far it and
 * those before it reach. */
static void registered_sort(struct lane *lane)
{
	uintptr_t reach = 0;

	qsort(lane->registered.ranges, lane->registered.nr, sizeof(*lane->registered.ranges),
	      registered_cmp);
	for (uint32_t i = 0; i < lane->registered.nr; i++) {
		struct registered_range *f = &lane->registered.ranges[i];

		reach = f->base + f->length > reach ? f->base + f->length : reach;
		f->reach = reach;
	}
}

static void registered_add(struct lane *lane, const struct piece *piece, uint32_t index)
{
	CHECK(lane->registered.nr < REGISTERED_MAX);
	lane->registered.ranges[lane->registered.nr++] =
		(struct registered_range){ piece->base, piece->length, 0, (int16_t)index };
	registered_sort(lane);
}

static void registered_remove(struct lane *lane, uint32_t index)
{
	for (uint32_t i = 0; i < lane->registered.nr; i++)
		if (lane->registered.ranges[i].index == (int16_t)index) {
			lane->registered.ranges[i] = lane->registered.ranges[--lane->registered.nr];
			registered_sort(lane);
			return;
		}
}

/* Returns how many ranges begin at AT or before. */
static uint32_t registered_begun_at(const struct lane *lane, uintptr_t at)
{
	uint32_t low = 0, high = lane->registered.nr;

	while (low < high) {
		uint32_t middle = (low + high) / 2;

		if (lane->registered.ranges[middle].base <= at)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

int16_t registered_find(const struct lane *lane, const void *base, size_t length)
{
	uintptr_t at = (uintptr_t)base, end = at + length;
	uint32_t i = registered_begun_at(lane, at);

	while (i && lane->registered.ranges[i - 1].reach >= end) {
		i--;
		if (lane->registered.ranges[i].base + lane->registered.ranges[i].length >= end)
			return lane->registered.ranges[i].index;
	}
	return -1;
}

/* Returns the end of the range that holds the byte AT and reaches farthest; AT: none holds it. */
static uintptr_t registered_reach(const struct lane *lane, uintptr_t at)
{
	uint32_t i = registered_begun_at(lane, at);

	return i && lane->registered.ranges[i - 1].reach > at ? lane->registered.ranges[i - 1].reach
							      : at;
}

size_t registered_border(const struct lane *lane, const void *base, size_t length)
{
	uintptr_t at = (uintptr_t)base, end = at + length;
	uintptr_t first = registered_reach(lane, at), next = first;

	if (first == at)
		return length;
	while (next < end) {
		uintptr_t before = next;

		next = registered_reach(lane, before);
		if (next == before)
			return length; /* the rest is not registered, so one command is better */
	}
	return first < end ? first - at : length;
}

/* Counts the commands on piece INDEX that the engine has. Requests that still wait go without
 * the piece. */
static uint32_t registered_strip(struct lane *lane, uint32_t index)
{
	uint32_t with_engine = 0;

	CHECK(lane_is_mine(lane));
	for (uint32_t i = 0; i < lane->tags.nr; i++) {
		struct request *rq = &lane->tags.pool[i];

		if (rq->cmd.buf_index != (int16_t)index)
			continue;
		if (rq->state == REQUEST_OUT) {
			with_engine++;
			continue;
		}
		rq->cmd.buf_index = -1;
		rq->registered = false;
	}
	return with_engine;
}

void registered_free_piece(struct weir_queue *q, uint32_t index)
{
	struct piece *piece = &q->registry->piece[index];

	if (!piece->serial || !piece->leaving)
		return;
	for (uint32_t i = 0; i < q->nr_lanes; i++)
		if (q->registry->known[i * REGISTERED_MAX + index].serial == piece->serial)
			return;
	piece->serial = 0;
	CHECK(q->registry->range[piece->range].pieces);
	q->registry->range[piece->range].pieces--;
}

static struct lane_piece *registered_known(const struct lane *lane, uint32_t index)
{
	CHECK(index < REGISTERED_MAX);
	return &lane->q->registry->known[lane->index * REGISTERED_MAX + index];
}

static void registered_set_known(struct lane *lane, uint32_t index, uint32_t serial, int result)
{
	struct weir_queue *q = lane->q;

	pthread_mutex_lock(&q->lock);
	*registered_known(lane, index) = (struct lane_piece){ serial, result };
	registered_free_piece(q, index);
	pthread_mutex_unlock(&q->lock);
}

/* Lets go of piece INDEX; false: the engine has commands on it. */
static bool registered_drop(struct lane *lane, uint32_t index, const struct lane_piece *known)
{
	struct engine *e = lane->engine;

	if (!known->result) {
		registered_remove(lane, index);
		if (registered_strip(lane, index))
			return false;
		/* If that fails, the next piece in its place takes the number all the same. */
		if (e->ops->unregister_buffer)
			(void)e->ops->unregister_buffer(e, index);
	}
	registered_set_known(lane, index, 0, 0);
	return true;
}

/* Notes that PIECE failed on LANE with ERR; weir_error() says why. Under the lock. */
static void registered_note_failure(struct lane *lane, const struct piece *piece, int err)
{
	struct registry *r = lane->q->registry;
	struct range *range = &r->range[piece->range];
	bool first = true;

	for (uint32_t i = 0; i < r->nr_pieces && first; i++)
		first = r->piece[i].range != piece->range || !registered_known(lane, i)->result ||
			registered_known(lane, i)->serial != r->piece[i].serial;
	if (first)
		hist_add(&lane->stats->register_failures, 1);
	if (range->error)
		return;
	range->error = err;
	snprintf(range->reason, sizeof(range->reason), "%s", weir_error());
}

static void registered_take(struct lane *lane, uint32_t index, const struct piece *piece)
{
	struct weir_queue *q = lane->q;
	struct engine *e = lane->engine;
	int err;

	CHECK(piece->serial);
	CHECK(!piece->leaving);
	err = e->ops->register_buffer
		      ? e->ops->register_buffer(e, index, (void *)piece->base, piece->length)
		      : error_set(-EOPNOTSUPP, "the %s engine registers no memory", e->ops->name);
	if (!err)
		registered_add(lane, piece, index);
	pthread_mutex_lock(&q->lock);
	if (err && q->registry->piece[index].serial == piece->serial)
		registered_note_failure(lane, piece, err);
	*registered_known(lane, index) = (struct lane_piece){ piece->serial, err };
	pthread_mutex_unlock(&q->lock);
}

/* Brings LANE up to date on piece INDEX; false if it must wait for commands to end. */
static bool registered_settle_piece(struct lane *lane, uint32_t index)
{
	struct weir_queue *q = lane->q;
	struct lane_piece known;
	struct piece piece;

	pthread_mutex_lock(&q->lock);
	piece = q->registry->piece[index];
	known = *registered_known(lane, index);
	pthread_mutex_unlock(&q->lock);
	if (known.serial == piece.serial && !piece.leaving)
		return true;
	if (known.serial && !registered_drop(lane, index, &known))
		return false;
	if (piece.serial && !piece.leaving)
		registered_take(lane, index, &piece);
	return true;
}

void registered_settle(struct lane *lane)
{
	struct weir_queue *q = lane->q;
	struct error_scope scope;
	uint32_t n;

	CHECK(lane_is_mine(lane));
	lane->registered.seen = __atomic_load_n(&q->register_serial, __ATOMIC_SEQ_CST);
	lane->registered.unsettled = false;
	if (!lane->registered.seen)
		return;
	if (!lane->registered.ranges)
		lane->registered.ranges = calloc(REGISTERED_MAX, sizeof(*lane->registered.ranges));
	if (!lane->registered.ranges) { /* the next turn tries again; ios go on without */
		lane->registered.unsettled = true;
		return;
	}
	n = __atomic_load_n(&q->registry->nr_pieces, __ATOMIC_ACQUIRE);
	/* A piece that fails here is no failure of the call that runs this lane. */
	error_begin(&scope);
	for (uint32_t i = 0; i < n; i++)
		if (!registered_settle_piece(lane, i))
			lane->registered.unsettled = true;
	error_end(&scope, 0, "%s", "");
}

void registered_check(struct lane *lane)
{
	if (lane->registered.unsettled ||
	    lane->registered.seen != __atomic_load_n(&lane->q->register_serial, __ATOMIC_SEQ_CST))
		registered_settle(lane);
}

void registered_leave(struct lane *lane)
{
	struct weir_queue *q = lane->q;

	CHECK(!lane->engine);
	lane->registered.nr = 0;
	lane->registered.unsettled = false;
	pthread_mutex_lock(&q->lock);
	for (uint32_t i = 0; q->registry && i < q->registry->nr_pieces; i++) {
		*registered_known(lane, i) = (struct lane_piece){ 0, 0 };
		registered_free_piece(q, i);
	}
	pthread_mutex_unlock(&q->lock);
}
