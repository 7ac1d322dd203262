/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tags.c - the pool of requests of a lane. Owns lane->tags. The lane's owner.
 */
#include "queue/lane/tags.h"

#include <errno.h>
#include <stdlib.h>

#include "queue/lane/queue.h"

int tags_init(struct lane *lane)
{
	uint32_t segments = lane->q->max_segments, depth = lane->q->opts.depth;
	struct lane_tags *t = &lane->tags;

	t->nr = depth > NR_REQUESTS_MAX ? depth : NR_REQUESTS_MAX;
	t->pool = calloc(t->nr, sizeof(*t->pool));
	t->free = calloc(t->nr, sizeof(struct request *));
	t->pieces = calloc((size_t)t->nr * segments, sizeof(*t->pieces));
	if (!t->pool || !t->free || !t->pieces)
		return -ENOMEM;
	/* The lowest tags are on top, so that few requests are touched if few are needed. */
	for (uint32_t i = 0; i < t->nr; i++) {
		t->pool[i].pieces = t->pieces + (size_t)i * segments;
		t->free[t->nr - 1 - i] = &t->pool[i];
	}
	t->nr_free = t->nr;
	return 0;
}

void tags_destroy(struct lane *lane)
{
	free(lane->tags.pool);
	free(lane->tags.free);
	free(lane->tags.pieces);
}
