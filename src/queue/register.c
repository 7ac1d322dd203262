/* SPDX-License-Identifier: Apache-2.0 */
/*
 * register.c - fixed buffers: memory that is given to the queue once and reaches every lane.
 *
 * The queue keeps the list of ranges, which only grows; each lane registers what it has not seen
 * yet with its engine, on its own thread, and keeps the ranges sorted by address to look ios up.
 * Owns lane->fixed. Owner's thread, except weir_queue_register().
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "queue/lane.h"

/* io_uring's own limit. */
#define RANGE_MAX (1ull << 30)

static void remember(struct lane *lane, struct iovec range, uint32_t index)
{
	uint32_t i = lane->nr_fixed++;

	while (i && lane->fixed[i - 1].base > (uintptr_t)range.iov_base) {
		lane->fixed[i] = lane->fixed[i - 1];
		i--;
	}
	lane->fixed[i] =
		(struct fixed_range){ (uintptr_t)range.iov_base, range.iov_len, (int16_t)index };
}

static int register_one(struct lane *lane, uint32_t index)
{
	struct engine *e = lane->engine;
	struct iovec range;
	int err;

	pthread_mutex_lock(&lane->q->lock);
	range = lane->q->registered[index];
	pthread_mutex_unlock(&lane->q->lock);
	err = e->ops->register_buffer
		      ? e->ops->register_buffer(e, index, range.iov_base, range.iov_len)
		      : -ENOTSUP;
	if (err)
		hist_add(&lane->stats->fixed_failed, 1);
	else
		remember(lane, range, index);
	return err;
}

int register_pending(struct lane *lane)
{
	uint32_t n = __atomic_load_n(&lane->q->nr_registered, __ATOMIC_ACQUIRE);
	int first = 0;

	if (!lane->fixed && n)
		lane->fixed = calloc(REGISTERED_MAX, sizeof(*lane->fixed));
	if (!lane->fixed)
		return n ? -ENOMEM : 0;
	while (lane->seen_registered < n) {
		int err = register_one(lane, lane->seen_registered++);

		if (err && !first)
			first = err;
	}
	return first;
}

int16_t register_find(const struct lane *lane, const void *base, size_t length)
{
	uintptr_t at = (uintptr_t)base;
	uint32_t low = 0, high = lane->nr_fixed;

	/* The last range that begins at or before AT. */
	while (low < high) {
		uint32_t middle = (low + high) / 2;

		if (lane->fixed[middle].base <= at)
			low = middle + 1;
		else
			high = middle;
	}
	if (!low)
		return -1;
	low--;
	if (length > lane->fixed[low].length ||
	    at - lane->fixed[low].base > lane->fixed[low].length - length)
		return -1;
	return lane->fixed[low].index;
}

static int append(struct weir_queue *q, void *base, size_t length)
{
	uint32_t n;

	pthread_mutex_lock(&q->lock);
	n = q->nr_registered;
	for (uint32_t i = 0; i < n; i++) {
		uintptr_t other = (uintptr_t)q->registered[i].iov_base;

		if ((uintptr_t)base < other + q->registered[i].iov_len &&
		    other < (uintptr_t)base + length) {
			pthread_mutex_unlock(&q->lock);
			return error_set(-EEXIST, "buffer overlaps one that is registered already");
		}
	}
	if (n < REGISTERED_MAX) {
		q->registered[n] = (struct iovec){ base, length };
		__atomic_store_n(&q->nr_registered, n + 1, __ATOMIC_RELEASE);
	}
	pthread_mutex_unlock(&q->lock);
	return n < REGISTERED_MAX
		       ? 0
		       : error_set(-ENOSPC, "at most %u buffers can be registered", REGISTERED_MAX);
}

int weir_queue_register(struct weir_queue *q, void *base, size_t length)
{
	struct lane *mine;
	int err = queue_check_process(q);

	if (err)
		return err;
	if (!base || !length || length > RANGE_MAX)
		return error_set(-EINVAL, "a registered buffer has 1 byte to 1 GiB");
	err = owner_lane_or_attach(q, &mine);
	if (!err)
		err = append(q, base, length);
	if (err)
		return err;
	for (uint32_t i = 0; i < q->nr_lanes; i++)
		if (&q->lanes[i] != mine)
			lane_wake(&q->lanes[i]);
	err = mine ? register_pending(mine) : 0;
	return err ? error_sys(err, "the engine did not register the buffer; I/O goes on without")
		   : 0;
}
