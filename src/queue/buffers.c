/* SPDX-License-Identifier: Apache-2.0 */
/*
 * buffers.c - registered memory, for programs: registering, letting go, and what became of it.
 * Owns nothing; any thread.
 */
#include <errno.h>
#include <stdio.h>

#include "base/check.h"
#include "base/error.h"
#include "base/opts.h"
#include "queue/lane/lane.h"
#include "queue/memory.h"

/* Tells all lanes that the table has changed. They look on their next turn; the caller's own,
 * MINE, looks now. */
static void buffers_tell_lanes(struct weir_queue *q, struct lane *mine)
{
	for (uint32_t i = 0; i < q->nr_lanes; i++)
		if (&q->lanes[i] != mine)
			lane_wake(&q->lanes[i]);
	if (mine)
		registered_settle(mine);
}

/* Returns what came of RANGE on LANE: 0, -errno, or 1 where that is not known yet. Under the
 * lock. */
static int lane_result(const struct lane *lane, const struct range *range)
{
	const struct registry *r = lane->q->registry;
	int result = 0;

	CHECK(r);
	CHECK(lane->index < lane->q->nr_lanes);
	for (uint32_t i = 0; i < r->nr_pieces; i++) {
		const struct lane_piece *known = &r->known[lane->index * REGISTERED_MAX + i];

		if (!r->piece[i].serial || &r->range[r->piece[i].range] != range)
			continue;
		if (known->serial != r->piece[i].serial)
			result = result ? result : 1;
		else if (known->result)
			return known->result;
	}
	return result;
}

static int buffers_own_result(struct lane *mine, void *base, size_t length)
{
	struct weir_queue *q = mine->q;
	const struct range *range;
	char reason[sizeof(range->reason)] = "";
	int result = 0;

	pthread_mutex_lock(&q->lock);
	range = memory_range(q, base, length);
	if (range)
		result = lane_result(mine, range);
	if (result < 0)
		snprintf(reason, sizeof(reason), "%s", range->reason);
	pthread_mutex_unlock(&q->lock);
	return result < 0 ? error_set(result, "%s; I/O goes on without", reason) : 0;
}

int weir_queue_register(struct weir_queue *q, void *base, size_t length)
{
	struct lane *mine;
	int err = queue_check_process(q);

	if (err)
		return err;
	if (!base || !length || length > UINTPTR_MAX - (uintptr_t)base)
		return error_set(-EINVAL, "a registered range has an address and a length");
	err = owner_lane_or_attach(q, &mine);
	if (err)
		return err;
	pthread_mutex_lock(&q->lock);
	err = memory_add(q, base, length);
	pthread_mutex_unlock(&q->lock);
	if (err)
		return err;
	buffers_tell_lanes(q, mine);
	return mine ? buffers_own_result(mine, base, length) : 0;
}

int weir_queue_unregister(struct weir_queue *q, void *base, size_t length)
{
	int err = queue_check_process(q);

	if (err)
		return err;
	pthread_mutex_lock(&q->lock);
	err = memory_remove(q, base, length);
	pthread_mutex_unlock(&q->lock);
	if (!err)
		buffers_tell_lanes(q, owner_lane(q));
	return err;
}

/* Counts the lanes that somebody runs by what they made of RANGE. Under the lock. */
static void buffers_count_lanes(const struct weir_queue *q, const struct range *range,
				struct weir_buffer *out)
{
	for (uint32_t i = 0; i < q->nr_lanes; i++) {
		int result;

		if (!owner_is_there(&q->lanes[i]))
			continue;
		result = lane_result(&q->lanes[i], range);
		out->lanes_registered += !result;
		out->lanes_failed += result < 0;
		out->lanes_pending += result > 0;
	}
}

static uint32_t buffers_state_of(const struct range *range, const struct weir_buffer *b)
{
	if (!range->users)
		return WEIR_BUFFER_LEAVING;
	if (b->lanes_failed)
		return b->lanes_registered || b->lanes_pending ? WEIR_BUFFER_PARTLY
							       : WEIR_BUFFER_FAILED;
	return b->lanes_pending || !b->lanes_registered ? WEIR_BUFFER_PENDING
							: WEIR_BUFFER_REGISTERED;
}

/* Fills in OUT. Under the lock. */
static void buffers_describe(const struct weir_queue *q, const struct range *range,
			     struct weir_buffer *out)
{
	out->base = (void *)range->base;
	out->length = range->length;
	out->pieces = range->pieces;
	out->users = range->users;
	if (range->users)
		buffers_count_lanes(q, range, out);
	out->state = buffers_state_of(range, out);
	if (out->lanes_failed) {
		out->error = range->error;
		snprintf(out->reason, sizeof(out->reason), "%s", range->reason);
	}
}

int weir_queue_get_buffer(struct weir_queue *q, size_t index, struct weir_buffer *buffer)
{
	struct weir_buffer all = WEIR_BUFFER_INIT;
	const struct range *range = NULL;
	int err = queue_check_process(q);
	size_t seen = 0;

	if (err)
		return err;
	pthread_mutex_lock(&q->lock);
	for (uint32_t i = 0; q->registry && i < q->registry->nr_ranges && !range; i++) {
		const struct range *at = &q->registry->range[i];

		if ((at->users || at->pieces) && seen++ == index)
			range = at;
	}
	if (range)
		buffers_describe(q, range, &all);
	pthread_mutex_unlock(&q->lock);
	if (!range)
		return error_set(-ENOENT, "%zu registered ranges, and none behind these", seen);
	return opts_give(buffer, OPTS_SIZE(buffer), &all, sizeof(all));
}
