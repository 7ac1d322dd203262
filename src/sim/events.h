/* SPDX-License-Identifier: Apache-2.0 */
/*
 * events.h - future events in the order of virtual time; events of the same time keep the order in
 * which they were added. This order makes a run repeatable.
 *
 * A struct events and its contents belong to the one thread that runs the simulation. Whoever adds
 * an event owns its memory, which must not move until the event has fired.
 */
#ifndef EVENTS_H
#define EVENTS_H

#include <stdint.h>

#include <bsd/sys/tree.h>

#define EVENTS_NEVER UINT64_MAX

struct event {
	uint64_t due, seq;
	void (*fire)(struct event *ev, uint64_t now);
	RB_ENTRY(event) node;
};

RB_HEAD(event_tree, event);

struct events {
	struct event_tree tree;
	uint64_t seq;
};

/* Initialises EV without events. */
void events_init(struct events *ev);

/* Adds E, so that E->fire is called when the time is DUE. E must not be in EV already. */
void events_add(struct events *ev, struct event *e, uint64_t due);

/* Removes E, which is in EV, so that it does not fire. */
void events_remove(struct events *ev, struct event *e);

/* Returns the time of the first event, or EVENTS_NEVER if there is none. */
uint64_t events_next(struct events *ev);

/*
 * Fires the events that are due at NOW, including those that are added meanwhile and are due too.
 */
void events_fire(struct events *ev, uint64_t now);

#endif
