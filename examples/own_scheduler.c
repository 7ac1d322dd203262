/* SPDX-License-Identifier: Apache-2.0 */
/*
 * own_scheduler.c - a scheduler of your own: the shortest request goes first.
 *
 * This example is the only one that needs the source tree. The interface of schedulers
 * (src/sched/sched.h) and the call that opens a queue with one (src/queue/open.h) are private:
 * they may change with any release, and libweir.so does not offer them. So this program is built
 * inside the source tree and linked with the layers as static libraries. To offer a scheduler to
 * everybody, add it to the tree: CONTRIBUTING.md says how.
 *
 * The drive is the null engine, which completes each command at once; with a depth of 1 each
 * request waits in the scheduler until the one before it has ended.
 *
 * Prints
 *     4 KiB
 *     8 KiB
 *     16 KiB
 *     64 KiB
 */
#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <weir/weir.h>

#include "queue/open.h"
#include "sched/sched.h"

/* An instance. It begins with struct sched, so that the two can be cast to one another. */
struct shortest {
	struct sched s;
	struct sched_list waiting; /* ascending by length */
};

static const struct sched_ops shortest_ops;

static int shortest_init(struct sched **s, const struct sched_env *env)
{
	struct shortest *shortest = calloc(1, sizeof(*shortest));

	if (!shortest)
		return -ENOMEM;
	shortest->s.ops = &shortest_ops;
	shortest->s.env = *env;
	TAILQ_INIT(&shortest->waiting);
	*s = &shortest->s;
	return 0;
}

static void shortest_exit(struct sched *s)
{
	free(s);
}

/* The first request that waits and is longer than RQ, or NULL. */
static struct sched_rq *shortest_longer(struct shortest *shortest, const struct sched_rq *rq)
{
	struct sched_rq *waiting;

	TAILQ_FOREACH(waiting, &shortest->waiting, fifo)
		if (waiting->nr_sectors > rq->nr_sectors)
			return waiting;
	return NULL;
}

/* Takes over the whole list. Requests of the same length keep the order in which they came. */
static void shortest_insert(struct sched *s, struct sched_list *list, uint64_t now)
{
	struct shortest *shortest = (struct shortest *)s;
	struct sched_rq *rq, *longer;

	(void)now;
	while ((rq = TAILQ_FIRST(list))) {
		TAILQ_REMOVE(list, rq, fifo);
		longer = shortest_longer(shortest, rq);
		if (longer)
			TAILQ_INSERT_BEFORE(longer, rq, fifo);
		else
			TAILQ_INSERT_TAIL(&shortest->waiting, rq, fifo);
	}
}

/* The queue asks only while a tag of the drive is free, so the drive gets the request at once. */
static struct sched_rq *shortest_dispatch(struct sched *s, uint64_t now)
{
	struct shortest *shortest = (struct shortest *)s;
	struct sched_rq *rq = TAILQ_FIRST(&shortest->waiting);

	(void)now;
	if (rq) {
		TAILQ_REMOVE(&shortest->waiting, rq, fifo);
		rq->flags |= SCHED_RQ_STARTED;
	}
	return rq;
}

static bool shortest_has_work(struct sched *s)
{
	return !TAILQ_EMPTY(&((struct shortest *)s)->waiting);
}

static const struct sched_ops shortest_ops = {
	.name = "shortest",
	.summary = "the shortest request goes first; long ones may starve",
	.scope = SCHED_PER_QUEUE,
	.init = shortest_init,
	.exit = shortest_exit,
	.insert = shortest_insert,
	.dispatch = shortest_dispatch,
	.has_work = shortest_has_work,
};

static void on_end(struct weir_io *io)
{
	printf("%u KiB\n", (unsigned)(io->length >> 10));
}

int main(void)
{
	static char memory[64 << 10] __attribute__((aligned(4096)));
	static const uint64_t kib[] = { 16, 64, 4, 8 };
	struct weir_queue_opts opts = WEIR_QUEUE_OPTS_INIT;
	struct weir_io ios[4];
	struct weir_device *dev;
	struct weir_queue *q;

	opts.depth = 1;
	opts.nr_requests = 4; /* so many requests wait in the scheduler */
	if (weir_device_open(&dev, "null", NULL) < 0 ||
	    queue_open(&q, dev, &opts, NULL, &shortest_ops) < 0)
		errx(1, "%s", weir_error());
	for (int i = 0; i < 4; i++) {
		weir_io_read(&ios[i], (uint64_t)i << 20, memory, kib[i] << 10);
		ios[i].end = on_end;
		if (weir_queue_submit(q, &ios[i]) < 0)
			errx(1, "%s", weir_error());
	}
	if (weir_queue_wait(q) < 0 || weir_queue_close(q) < 0)
		errx(1, "%s", weir_error());
	weir_device_close(dev);
	return 0;
}
