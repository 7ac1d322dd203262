/* SPDX-License-Identifier: Apache-2.0 */
/*
 * register.c - fixed buffers: memory that is given to the queue and reaches every lane.
 *
 * A range of memory lies in the queue's table as pieces that an engine can register; the place of
 * a piece is the engine's buffer number on every lane. Each change counts `register_serial` up;
 * each lane, when it sees that, registers and lets go of pieces with its engine, on its own
 * thread, and notes under the queue's lock what came of it. A piece that leaves is not looked up
 * any more from a lane's next look on; it stays with the engine until the last command on it has
 * ended, and its place in the table is free when no lane has it.
 *
 * Owns lane->fixed and the table. Owner's thread, except register_add() and what is below it.
 */
#include "queue/register.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"

static int cmp_base(const void *a, const void *b)
{
	const struct fixed_range *x = a, *y = b;

	return x->base < y->base ? -1 : x->base > y->base;
}

/* lane->fixed from what is registered, by address. Ranges may overlap, so each also says how far
 * it and those before it reach. */
static void sort_fixed(struct lane *lane)
{
	uintptr_t reach = 0;

	qsort(lane->fixed, lane->nr_fixed, sizeof(*lane->fixed), cmp_base);
	for (uint32_t i = 0; i < lane->nr_fixed; i++) {
		struct fixed_range *f = &lane->fixed[i];

		reach = f->base + f->length > reach ? f->base + f->length : reach;
		f->reach = reach;
	}
}

static void remember(struct lane *lane, const struct piece *piece, uint32_t index)
{
	lane->fixed[lane->nr_fixed++] =
		(struct fixed_range){ piece->base, piece->length, 0, (int16_t)index };
	sort_fixed(lane);
}

static void forget(struct lane *lane, uint32_t index)
{
	for (uint32_t i = 0; i < lane->nr_fixed; i++)
		if (lane->fixed[i].index == (int16_t)index) {
			lane->fixed[i] = lane->fixed[--lane->nr_fixed];
			sort_fixed(lane);
			return;
		}
}

/* How many ranges begin at AT or before. */
static uint32_t begun_at(const struct lane *lane, uintptr_t at)
{
	uint32_t low = 0, high = lane->nr_fixed;

	while (low < high) {
		uint32_t middle = (low + high) / 2;

		if (lane->fixed[middle].base <= at)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

int16_t register_find(const struct lane *lane, const void *base, size_t length)
{
	uintptr_t at = (uintptr_t)base, end = at + length;
	uint32_t i = begun_at(lane, at);

	while (i && lane->fixed[i - 1].reach >= end) {
		i--;
		if (lane->fixed[i].base + lane->fixed[i].length >= end)
			return lane->fixed[i].index;
	}
	return -1;
}

/* How far a range goes that holds the byte AT; AT: none does. */
static uintptr_t reach_from(const struct lane *lane, uintptr_t at)
{
	uint32_t i = begun_at(lane, at);

	return i && lane->fixed[i - 1].reach > at ? lane->fixed[i - 1].reach : at;
}

size_t register_border(const struct lane *lane, const void *base, size_t length)
{
	uintptr_t at = (uintptr_t)base, end = at + length;
	uintptr_t first = reach_from(lane, at), next = first;

	if (first == at)
		return length;
	while (next < end) {
		uintptr_t before = next;

		next = reach_from(lane, before);
		if (next == before)
			return length; /* the rest is not registered: better one command */
	}
	return first < end ? first - at : length;
}

/* Commands on piece INDEX that the engine has. Those that still wait go without it. */
static uint32_t unfix(struct lane *lane, uint32_t index)
{
	uint32_t with_engine = 0;

	for (uint32_t i = 0; i < lane->nr_tags; i++) {
		struct request *rq = &lane->pool[i];

		if (rq->cmd.buf_index != (int16_t)index)
			continue;
		if (rq->rq.flags & SCHED_RQ_STARTED) {
			with_engine++;
			continue;
		}
		rq->cmd.buf_index = -1;
		rq->registered = false;
	}
	return with_engine;
}

/* Frees the place of piece INDEX if it leaves and no lane has it. Under the lock. */
static void free_piece(struct weir_queue *q, uint32_t index)
{
	struct piece *piece = &q->registry->piece[index];

	if (!piece->serial || !piece->leaving)
		return;
	for (uint32_t i = 0; i < q->nr_lanes; i++)
		if (q->registry->known[i * REGISTERED_MAX + index].serial == piece->serial)
			return;
	piece->serial = 0;
	q->registry->range[piece->range].pieces--;
}

static struct lane_piece *known_of(const struct lane *lane, uint32_t index)
{
	return &lane->q->registry->known[lane->index * REGISTERED_MAX + index];
}

static void set_known(struct lane *lane, uint32_t index, uint32_t serial, int result)
{
	struct weir_queue *q = lane->q;

	pthread_mutex_lock(&q->lock);
	*known_of(lane, index) = (struct lane_piece){ serial, result };
	free_piece(q, index);
	pthread_mutex_unlock(&q->lock);
}

/* LANE lets go of piece INDEX; false: commands on it are with the engine. */
static bool drop(struct lane *lane, uint32_t index, const struct lane_piece *known)
{
	struct engine *e = lane->engine;

	if (!known->result) {
		forget(lane, index);
		if (unfix(lane, index))
			return false;
		/* Where that fails the next piece in its place takes its number all the same. */
		if (e->ops->unregister_buffer)
			(void)e->ops->unregister_buffer(e, index);
	}
	set_known(lane, index, 0, 0);
	return true;
}

/* Under the lock: PIECE of LANE failed with ERR, and weir_error() says why. */
static void note_failure(struct lane *lane, const struct piece *piece, int err)
{
	struct registry *r = lane->q->registry;
	struct range *range = &r->range[piece->range];
	bool first = true;

	for (uint32_t i = 0; i < r->nr_pieces && first; i++)
		first = r->piece[i].range != piece->range || !known_of(lane, i)->result ||
			known_of(lane, i)->serial != r->piece[i].serial;
	if (first)
		hist_add(&lane->stats->fixed_failed, 1);
	if (range->error)
		return;
	range->error = err;
	snprintf(range->reason, sizeof(range->reason), "%s", weir_error());
}

static void take(struct lane *lane, uint32_t index, const struct piece *piece)
{
	struct weir_queue *q = lane->q;
	struct engine *e = lane->engine;
	int err;

	err = e->ops->register_buffer
		      ? e->ops->register_buffer(e, index, (void *)piece->base, piece->length)
		      : error_set(-EOPNOTSUPP, "the %s engine registers no memory", e->ops->name);
	if (!err)
		remember(lane, piece, index);
	pthread_mutex_lock(&q->lock);
	if (err && q->registry->piece[index].serial == piece->serial)
		note_failure(lane, piece, err);
	*known_of(lane, index) = (struct lane_piece){ piece->serial, err };
	pthread_mutex_unlock(&q->lock);
}

/* Brings LANE up to date on piece INDEX; false if it must wait for commands to end. */
static bool settle(struct lane *lane, uint32_t index)
{
	struct weir_queue *q = lane->q;
	struct lane_piece known;
	struct piece piece;

	pthread_mutex_lock(&q->lock);
	piece = q->registry->piece[index];
	known = *known_of(lane, index);
	pthread_mutex_unlock(&q->lock);
	if (known.serial == piece.serial && !piece.leaving)
		return true;
	if (known.serial && !drop(lane, index, &known))
		return false;
	if (piece.serial && !piece.leaving)
		take(lane, index, &piece);
	return true;
}

void register_settle(struct lane *lane)
{
	struct weir_queue *q = lane->q;
	struct error_scope scope;
	uint32_t n;

	lane->seen_registered = __atomic_load_n(&q->register_serial, __ATOMIC_ACQUIRE);
	lane->registering = false;
	if (!lane->seen_registered)
		return;
	if (!lane->fixed)
		lane->fixed = calloc(REGISTERED_MAX, sizeof(*lane->fixed));
	if (!lane->fixed) { /* tried again on the next turn; ios go on without */
		lane->registering = true;
		return;
	}
	n = __atomic_load_n(&q->registry->nr_pieces, __ATOMIC_ACQUIRE);
	/* What fails here is no failure of the call that runs this lane. */
	error_begin(&scope);
	for (uint32_t i = 0; i < n; i++)
		if (!settle(lane, i))
			lane->registering = true;
	error_end(&scope, 0, "%s", "");
}

void register_leave(struct lane *lane)
{
	struct weir_queue *q = lane->q;

	lane->nr_fixed = 0;
	lane->registering = false;
	pthread_mutex_lock(&q->lock);
	for (uint32_t i = 0; q->registry && i < q->registry->nr_pieces; i++) {
		*known_of(lane, i) = (struct lane_piece){ 0, 0 };
		free_piece(q, i);
	}
	pthread_mutex_unlock(&q->lock);
}

/* From here on any thread, under the queue's lock. */

static int make_registry(struct weir_queue *q)
{
	struct registry *r = q->registry;

	if (r)
		return 0;
	r = calloc(1, sizeof(*r) + (size_t)q->nr_lanes * REGISTERED_MAX * sizeof(r->known[0]));
	q->registry = r;
	return r ? 0 : error_sys(-ENOMEM, "cannot register memory");
}

static bool in_use(const struct range *range)
{
	return range->users || range->pieces;
}

struct range *register_range(const struct weir_queue *q, const void *base, size_t length)
{
	struct registry *r = q->registry;

	for (uint32_t i = 0; r && i < r->nr_ranges; i++)
		if (r->range[i].users && r->range[i].base == (uintptr_t)base &&
		    r->range[i].length == length)
			return &r->range[i];
	return NULL;
}

/* Lanes that failed on a piece of RANGE will not have looked at it yet. */
static void try_again(struct weir_queue *q, const struct range *range)
{
	struct registry *r = q->registry;

	for (uint32_t i = 0; i < r->nr_pieces; i++)
		for (uint32_t n = 0;
		     r->piece[i].serial && &r->range[r->piece[i].range] == range && n < q->nr_lanes;
		     n++)
			if (r->known[n * REGISTERED_MAX + i].result)
				r->known[n * REGISTERED_MAX + i] = (struct lane_piece){ 0, 0 };
}

static uint32_t free_places(const struct registry *r)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < REGISTERED_MAX; i++)
		n += !r->piece[i].serial;
	return n;
}

/* Cuts RANGE into pieces, for which there is room. */
static void add_pieces(struct registry *r, struct range *range, uint32_t serial)
{
	size_t done = 0;

	for (uint32_t i = 0; done < range->length; i++) {
		size_t left = range->length - done;

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

static int add_range(struct weir_queue *q, void *base, size_t length)
{
	struct registry *r = q->registry;
	struct range *range = r->range;
	size_t need = (length - 1) / PIECE_MAX + 1;
	uint32_t places = free_places(r);

	if (need > places)
		return error_set(-ENOSPC,
				 "%zu pieces of at most 1 GiB: of %u that can be registered %u are "
				 "free (weir_queue_unregister() frees some)",
				 need, REGISTERED_MAX, places);
	while (in_use(range)) /* there are no more than pieces */
		range++;
	*range = (struct range){ .base = (uintptr_t)base, .length = length, .users = 1 };
	if ((uint32_t)(range - r->range) >= r->nr_ranges)
		r->nr_ranges = (uint32_t)(range - r->range) + 1;
	add_pieces(r, range, q->register_serial + 1);
	return 0;
}

int register_add(struct weir_queue *q, void *base, size_t length)
{
	struct range *range;
	int err = make_registry(q);

	if (err)
		return err;
	range = register_range(q, base, length);
	if (range) {
		range->users++;
		range->error = 0;
		try_again(q, range);
	} else {
		err = add_range(q, base, length);
	}
	if (!err)
		__atomic_add_fetch(&q->register_serial, 1, __ATOMIC_RELEASE);
	return err;
}

int register_remove(struct weir_queue *q, void *base, size_t length)
{
	struct range *range = register_range(q, base, length);
	struct registry *r = q->registry;

	if (!range)
		return error_set(-ENOENT, "%zu bytes at %p: not registered as one range", length,
				 base);
	if (--range->users)
		return 0;
	for (uint32_t i = 0; i < r->nr_pieces; i++)
		if (r->piece[i].serial && &r->range[r->piece[i].range] == range) {
			r->piece[i].leaving = true;
			free_piece(q, i);
		}
	__atomic_add_fetch(&q->register_serial, 1, __ATOMIC_RELEASE);
	return 0;
}
