/* SPDX-License-Identifier: Apache-2.0 */
/*
 * none.c - no scheduler: requests go to the drive in the order in which they came.
 *
 * The idea: a fast drive with deep queues sorts for itself, and whatever is done above it costs
 * time. So with room below, the queue does not even call insert() (SCHED_DIRECT); this FIFO only
 * holds what found no room, and gives it back in order.
 *
 * Owns its list; entered by the lane's owner only.
 */
#include <errno.h>
#include <stdlib.h>

#include "sched/sched.h"

struct none {
	struct sched s;
	struct sched_list fifo;
};

static int none_init(struct sched **s, const struct sched_env *env)
{
	struct none *none = calloc(1, sizeof(*none));

	if (!none)
		return -ENOMEM;
	none->s.ops = &sched_none;
	none->s.env = *env;
	TAILQ_INIT(&none->fifo);
	*s = &none->s;
	return 0;
}

static void none_exit(struct sched *s)
{
	free(s);
}

static void none_insert(struct sched *s, struct sched_list *list, bool at_head, uint64_t now)
{
	struct none *none = (struct none *)s;

	(void)now;
	if (!at_head) {
		TAILQ_CONCAT(&none->fifo, list, fifo);
		return;
	}
	TAILQ_CONCAT(list, &none->fifo, fifo);
	TAILQ_CONCAT(&none->fifo, list, fifo);
}

static struct sched_rq *none_dispatch(struct sched *s, uint64_t now)
{
	struct none *none = (struct none *)s;
	struct sched_rq *rq = TAILQ_FIRST(&none->fifo);

	(void)now;
	if (rq)
		TAILQ_REMOVE(&none->fifo, rq, fifo);
	return rq;
}

static bool none_has_work(struct sched *s)
{
	return !TAILQ_EMPTY(&((struct none *)s)->fifo);
}

const struct sched_ops sched_none = {
	.name = "none",
	.summary = "first come, first served: for drives that sort for themselves",
	.scope = SCHED_PER_LANE,
	.flags = SCHED_DIRECT,
	.init = none_init,
	.exit = none_exit,
	.insert = none_insert,
	.dispatch = none_dispatch,
	.has_work = none_has_work,
};
