/* SPDX-License-Identifier: Apache-2.0 */
/* events.c - events sorted by time in a tree. See events.h. */
#include <stddef.h>

#include "sim/events.h"

static int event_compare(const struct event *a, const struct event *b)
{
	if (a->due != b->due)
		return a->due < b->due ? -1 : 1;
	return a->seq < b->seq ? -1 : a->seq > b->seq;
}

RB_GENERATE_INTERNAL(event_tree, event, node, event_compare, static __attribute__((unused)))

void events_init(struct events *ev)
{
	RB_INIT(&ev->tree);
	ev->seq = 0;
}

void events_add(struct events *ev, struct event *e, uint64_t due)
{
	e->due = due;
	e->seq = ev->seq++;
	event_tree_RB_INSERT(&ev->tree, e);
}

void events_remove(struct events *ev, struct event *e)
{
	event_tree_RB_REMOVE(&ev->tree, e);
}

uint64_t events_next(struct events *ev)
{
	const struct event *first = event_tree_RB_MINMAX(&ev->tree, -1);

	return first ? first->due : EVENTS_NEVER;
}

void events_fire(struct events *ev, uint64_t now)
{
	struct event *first;

	while ((first = event_tree_RB_MINMAX(&ev->tree, -1)) && first->due <= now) {
		event_tree_RB_REMOVE(&ev->tree, first);
		first->fire(first, now);
	}
}
