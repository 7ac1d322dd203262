/* SPDX-License-Identifier: Apache-2.0 */
/*
 * marks.h - how many segments are kept free before puts need them, and how long puts waited for
 * one.
 */
#ifndef STORE_LOG_MARKS_H
#define STORE_LOG_MARKS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/hist.h"
#include "store/format/policy.h"

struct log;
struct logs;
struct victim;

struct marks {
	struct policy_marks at;
	bool filling; /* from the moment that the low mark is not held until the high one is */
	bool due;     /* something has changed since there was nothing to reclaim */
	/* Reclaims that may begin in the background before puts open one more segment. */
	uint32_t work;
	uint32_t waiting;	 /* logs that wait for space */
	uint64_t ahead, in_line; /* reclaims that began while no log waited, and while one did */
	struct hist wait;
};

/* A free segment is taken. */
void marks_note_taken(struct logs *ls);
/* A put or delete opens a segment. */
void marks_note_put(struct logs *ls);
/* A reclaim has ended. If it failed, no more begins in the background until puts open a segment. */
void marks_note_ended(struct logs *ls, bool failed);
/* A reclaim begins. */
void marks_note_reclaim(struct logs *ls);
/* Finds out whether L waits for space, and measures how long. */
void marks_watch(struct log *l);
/* Returns true if reclaiming may be given up: the store is being closed, and nobody waits for it.
 */
bool marks_may_stop(const struct logs *ls);
/* Returns true if a segment should be reclaimed in the background. */
bool marks_want(struct logs *ls);
/* Returns true if V may be reclaimed for that. V is NULL if none can be now. */
bool marks_allow(struct logs *ls, const struct victim *v);

#endif
