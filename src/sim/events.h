/* SPDX-License-Identifier: Apache-2.0 */
/*
 * events.h - what is to happen, in order of virtual time; equal times in the order in which they
 * were added. The heart of what makes a run repeatable.
 *
 * A struct events and what is in it belong to the one thread that runs the simulation. Whoever
 * adds an event owns its memory, which must stay put until it has fired.
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

/* Empties EV. */
void events_init(struct events *ev);

/* Has E->fire called when the time DUE has come. E must not be in EV. */
void events_add(struct events *ev, struct event *e, uint64_t due);

/* When the first is due; EVENTS_NEVER: there is none. */
uint64_t events_next(struct events *ev);

/* Fires what is due at NOW, with what is added meanwhile and due too. */
void events_fire(struct events *ev, uint64_t now);

#endif
