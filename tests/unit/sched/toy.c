/* SPDX-License-Identifier: Apache-2.0 */
/*
 * toy.c - a toy disk below a scheduler. See toy.h. Request I of submitter S has number S *
 * TOY_SLOTS + I.
 */
#include <string.h>

#include "toy.h"

#define AREA 50000000u

static struct {
	const struct toy *toy;
	struct toy_submitter *subs;
	unsigned n;
	uint64_t now, seed, head;
	int queue[128]; /* requests in the disk, in order; the first one is served until done_ns */
	unsigned queued;
	uint64_t done_ns;
} t;

static uint64_t pick(uint64_t n)
{
	t.seed = t.seed * 6364136223846793005ull + 1442695040888963407ull;
	return (t.seed >> 33) % n;
}

static void submit(unsigned s, unsigned slot)
{
	struct toy_submitter *sub = &t.subs[s];
	uint64_t sector = (uint64_t)s * AREA + sub->next_sector;

	if (sub->random)
		sector = (uint64_t)s * AREA + pick(AREA / 8 - sub->sectors) * 8;
	sub->next_sector += sub->sectors;
	rig.submitter = s;
	rig.prio = sub->prio;
	rig.flags = sub->flags;
	sub->out[slot] = true;
	rig_insert((int)(s * TOY_SLOTS + slot), sub->op, sector, sub->sectors, t.now);
}

/* Submits the requests that are due; returns the time of the next one. */
static uint64_t submit_due(void)
{
	uint64_t next = SCHED_NEVER;

	for (unsigned s = 0; s < t.n; s++) {
		struct toy_submitter *sub = &t.subs[s];

		for (unsigned i = 0; i < sub->depth; i++) {
			if (sub->out[i] || (sub->until_ns && t.now >= sub->until_ns))
				continue;
			if (sub->ready_ns[i] <= t.now)
				submit(s, i);
			else if (sub->ready_ns[i] < next)
				next = sub->ready_ns[i];
		}
	}
	return next;
}

static void serve_first(void)
{
	const struct sched_rq *rq = &rig.rq[t.queue[0]];
	uint64_t cost = rq->nr_sectors * t.toy->sector_ns;

	if (rq->sector != t.head)
		cost += t.toy->seek_ns;
	t.head = rq->sector + rq->nr_sectors;
	t.done_ns = t.now + cost;
	t.subs[t.queue[0] / TOY_SLOTS].busy_ns += cost;
}

static void end_first(void)
{
	int id = t.queue[0];
	struct toy_submitter *sub = &t.subs[id / TOY_SLOTS];
	uint64_t waited = t.now - rig.rq[id].start_ns;

	memmove(t.queue, t.queue + 1, --t.queued * sizeof(t.queue[0]));
	sub->done_sectors += rig.rq[id].nr_sectors;
	sub->out[id % TOY_SLOTS] = false;
	sub->ready_ns[id % TOY_SLOTS] = t.now + sub->think_ns;
	if (waited > sub->longest_wait_ns)
		sub->longest_wait_ns = waited;
	if (!sub->first_done_ns)
		sub->first_done_ns = t.now;
	rig_complete(id, t.now);
	if (t.queued)
		serve_first();
}

/* Returns true if there is room in the disk and a request waits, but none was dispatched. */
static bool dispatch(void)
{
	while (t.queued < t.toy->depth) {
		int id = rig_dispatch(t.now);

		if (id == NONE)
			return rig.waiting;
		t.queue[t.queued++] = id;
		if (t.queued == 1)
			serve_first();
	}
	return false;
}

static void finish_all(void)
{
	while (t.queued || rig.waiting) {
		bool refused = dispatch();

		if (t.queued) {
			t.now = t.done_ns;
			end_first();
		} else if (refused) {
			t.now = rig.s->ops->next_wakeup(rig.s);
		}
	}
}

void toy_run(const struct toy *toy, struct toy_submitter *subs, unsigned n, uint64_t end_ns)
{
	memset(&t, 0, sizeof(t));
	t.toy = toy;
	t.subs = subs;
	t.n = n;
	t.seed = 1;
	while (t.now < end_ns) {
		uint64_t next = submit_due();
		bool refused = dispatch();

		if (refused && rig.s->ops->next_wakeup) {
			uint64_t wakeup = rig.s->ops->next_wakeup(rig.s);

			assert_true(wakeup > t.now);
			next = wakeup < next ? wakeup : next;
		}
		if (t.queued && t.done_ns < next)
			next = t.done_ns;
		if (next == SCHED_NEVER)
			break;
		t.now = next;
		if (t.queued && t.done_ns == next)
			end_first();
	}
	finish_all();
}
