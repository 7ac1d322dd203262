/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lanes.c - all lanes of a queue on one thread. See lanes.h.
 */
#include "base/check.h"
#include "base/nsec.h"
#include "queue/lane/lane.h"
#include "queue/lanes.h"

int lanes_own(struct weir_queue *q)
{
	int err = 0;

	for (uint32_t i = 0; i < q->nr_lanes && !err; i++)
		err = owner_attach(&q->lanes[i]);
	return err;
}

void lanes_use(struct weir_queue *q, uint32_t index)
{
	CHECK(index < q->nr_lanes);
	owner_use(&q->lanes[index]);
}

static unsigned lanes_turn(struct weir_queue *q)
{
	unsigned ended = 0;

	for (uint32_t i = 0; i < q->nr_lanes; i++)
		ended += lane_turn(&q->lanes[i]);
	return ended;
}

/* Returns when a lane must run though nothing happens; 0: now, as another lane has given it
 * something. */
static uint64_t lanes_next_event(struct weir_queue *q)
{
	uint64_t next = UINT64_MAX;

	for (uint32_t i = 0; i < q->nr_lanes; i++) {
		uint64_t t = lane_next_event(&q->lanes[i]);

		if (lane_has_staged(&q->lanes[i]))
			return 0;
		next = t < next ? t : next;
	}
	return next;
}

static void lanes_sleep(struct weir_queue *q, uint64_t deadline)
{
	uint64_t next = lanes_next_event(q);

	if (next)
		lane_sleep(&q->lanes[0], next < deadline ? next : deadline);
}

int lanes_poll_wait(struct weir_queue *q, uint64_t timeout_ns)
{
	uint64_t now;
	unsigned ended = lanes_turn(q);

	if (!ended && timeout_ns) {
		now = queue_now(q);
		lanes_sleep(q, timeout_ns > UINT64_MAX - now ? UINT64_MAX : now + timeout_ns);
		ended = lanes_turn(q);
	}
	return (int)ended;
}

static bool lanes_idle(struct weir_queue *q)
{
	for (uint32_t i = 0; i < q->nr_lanes; i++)
		if (!lane_idle(&q->lanes[i]))
			return false;
	return true;
}

void lanes_disown(struct weir_queue *q)
{
	CHECK(!owner_in_callback());
	while (!lanes_idle(q))
		(void)lanes_poll_wait(q, UINT64_MAX);
	for (uint32_t i = 0; i < q->nr_lanes; i++)
		if (owner_has(&q->lanes[i]))
			owner_detach(&q->lanes[i]);
}

/* A thread that runs several lanes of a real drive sleeps in the engine of one of them, and looks
 * this often at the others. */
#define LANES_LOOK_NS NSEC_PER_MSEC

/* Attaches the calling thread to each lane that has no owner and something staged. */
static int lanes_own_staged(struct weir_queue *q)
{
	int err = 0;

	for (uint32_t i = 0; i < q->nr_lanes && !err; i++)
		if (!owner_is_there(&q->lanes[i]) && lane_has_staged(&q->lanes[i]))
			err = owner_attach(&q->lanes[i]);
	return err;
}

static bool lanes_have_staged(const struct weir_queue *q)
{
	for (uint32_t i = 0; i < q->nr_lanes; i++)
		if (lane_has_staged(&q->lanes[i]))
			return true;
	return false;
}

/* Gives each lane that the calling thread owns a turn; BUSY becomes one that has work of its own,
 * or NULL. Returns how many ios were called back. */
static unsigned lanes_turn_own(struct weir_queue *q, struct lane **busy)
{
	unsigned ended = 0;

	*busy = NULL;
	for (uint32_t i = 0; i < q->nr_lanes; i++)
		if (owner_has(&q->lanes[i]))
			ended += lane_turn(&q->lanes[i]);
	for (uint32_t i = 0; i < q->nr_lanes; i++)
		if (owner_has(&q->lanes[i]) && lane_has_own_work(&q->lanes[i]))
			*busy = &q->lanes[i];
	return ended;
}

int lanes_finish(struct weir_queue *q, const struct lane *mine)
{
	struct lane *busy;
	int err;

	CHECK(!owner_in_callback());
	do {
		err = lanes_own_staged(q);
		if (!err && !lanes_turn_own(q, &busy) && busy)
			lane_sleep(busy, queue_now(q) + LANES_LOOK_NS);
	} while (!err && (busy || lanes_have_staged(q)));
	for (uint32_t i = 0; i < q->nr_lanes; i++)
		if (owner_has(&q->lanes[i]) && &q->lanes[i] != mine)
			owner_leave(&q->lanes[i]);
	return err;
}
