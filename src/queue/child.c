/* SPDX-License-Identifier: Apache-2.0 */
/*
 * child.c - what a child of fork() does with the queue that it inherited: nothing but free it.
 *
 * The child has the memory of the queue, but not its threads; locks may be held for ever, and what
 * another thread was changing may be half changed. So no lock is taken, and only what nobody else
 * could have been changing is freed; the rest is kept, known to a list, so that it is no leak.
 * The child's only thread.
 */
#include "queue/child.h"

#include <errno.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/error.h"
#include "queue/lane/lane.h"
#include "queue/observe.h"

static struct weir_queue *child_kept; /* queues that are closed and not freed */

/* True if no other thread can have been inside Q when this process was made. */
static bool child_is_settled(struct weir_queue *q)
{
	if (pthread_mutex_trylock(&q->switch_lock) || pthread_mutex_trylock(&q->lock))
		return false;
	for (uint32_t i = 0; i < q->nr_lanes; i++)
		if (q->lanes[i].owner.owned && !owner_has(&q->lanes[i]))
			return false;
	return true;
}

int child_close(struct weir_queue *q, bool *settled)
{
	for (uint32_t i = 0; i < q->nr_lanes; i++)
		if (owner_has(&q->lanes[i]) && q->lanes[i].ended.in_callback)
			return error_set(-EDEADLK, "fork() was called from a callback of this "
						   "queue, which has not returned yet");
	CHECK(fork_inherited(q->process));
	observe_leave(q);
	*settled = child_is_settled(q);
	for (uint32_t i = 0; i < q->nr_lanes; i++)
		owner_forget(&q->lanes[i]);
	if (*settled)
		return 0;
	q->next_kept = child_kept;
	child_kept = q;
	return 0;
}
