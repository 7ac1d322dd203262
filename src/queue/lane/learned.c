/* SPDX-License-Identifier: Apache-2.0 */
/*
 * learned.c - lanes show what their schedulers have learned, and take over what is given to them.
 *
 * A scheduler belongs to its lane's owner, so nobody else can ask it. Each lane leaves a copy of
 * the numbers under the queue's lock when it shows its tunables: ten times a second while it works,
 * and when its owner leaves.
 *
 * Owns lane->change.learned, under the queue's lock.
 */
#include "queue/lane/learned.h"

#include "queue/lane/queue.h"

void learned_show(struct lane *lane)
{
	struct sched *s = lane->sched;

	lane->change.learned.nr = 0;
	if (s->ops->save)
		lane->change.learned.nr =
			s->ops->save(s, lane->change.learned.value, queue_now(lane->q));
}

void learned_move(struct weir_queue *q, struct lane *home)
{
	const struct learned from = (q->home ? q->home : &q->lanes[0])->change.learned;

	for (uint32_t i = 0; i < q->nr_lanes; i++)
		if (home ? home == &q->lanes[i] : q->home != NULL)
			q->lanes[i].change.learned = from;
}

void learned_take(struct lane *lane, uint32_t since, bool taken)
{
	const struct weir_queue *q = lane->q;
	uint32_t place = q->home == lane ? 0 : lane->index;
	const struct learned *given;

	if ((q->home && q->home != lane) || !lane->sched->ops->load)
		return;
	given = &lane->change.learned;
	if (!taken || !given->nr) {
		if (!q->given || q->given_at <= since || q->given_ops != lane->sched->ops ||
		    place >= q->opts.lanes)
			return;
		given = &q->given[place];
	}
	if (given->nr)
		lane->sched->ops->load(lane->sched, given->value, queue_now(q));
}
