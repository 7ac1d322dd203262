/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reclaim.h - the reclaim of one segment, for the files that do its steps.
 */
#ifndef STORE_LOG_RECLAIM_H
#define STORE_LOG_RECLAIM_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "base/container.h"
#include "store/log/survive.h"

/* A change of the table of segments out of use, in the superblock. */
struct out_change {
	bool waits; /* until the superblock can be changed */
	bool forgets;
	bool aside;
	uint32_t segment;
	void (*next)(struct job *job, int result);
};

/* The steps that set a segment aside, or strike entries of those that are. */
struct aside {
	struct segment *seg; /* the one whose footer is written */
	bool own;	     /* the footer of the reclaimed segment must be written */
	bool named;	     /* it is on the medium, and can be read */
	bool unflushed;	     /* the footer of another segment was written behind the last flush */
	int err;
	uint8_t tries;
	uint8_t copy; /* of the superblock, which is read to see whether the drive can read */
	void (*next)(struct job *job, int result); /* the step when footers are written */
	void (*end)(struct job *job, int result);  /* the step when all is prepared */
};

/* The reclaim of one segment. reclaim.c owns it. */
struct reclaim {
	struct survive survive; /* it contains the job */
	TAILQ_ENTRY(reclaim) link;
	struct out_change change;
	struct aside aside;
	uint8_t tries;	/* of writing the free mark */
	bool out;	/* its segment is out of use */
	bool soon;	/* it is counted in logs.reclaiming */
	bool surviving; /* it has survivors under way, or may have */
	bool ahead;	/* no put needs it yet: it began because of the marks */
};

static inline struct reclaim *reclaim_of(struct job *job)
{
	return container_of(job, struct reclaim, survive.job);
}

/* out.c */
/* Returns true if one more segment may be put out of use. */
bool out_has_room(const struct logs *ls);
/* Puts the segment of JOB out of use; with ASIDE it is set aside. NEXT is the next step, when both
 * superblock copies say so. Its result is -ENOMEM if nothing was written. */
void out_add(struct job *job, bool aside, void (*next)(struct job *job, int result));
/* Has later lives not look at SEG any more, which is set aside. NEXT as above. */
void out_forget(struct job *job, const struct segment *seg,
		void (*next)(struct job *job, int result));
/* Begins a change that has waited, if the superblock can be changed now. */
void out_run(struct reclaim *r);

/* aside.c */
/* Lets the footers of the segments of JOB's log that are set aside say what has left them. NEXT is
 * the next step; its result is not 0 if that failed. A flush must follow. */
void aside_settle(struct job *job, void (*next)(struct job *job, int result));
/* Prepares that the segment of JOB is set aside: its footer says what lives in it, if that can be
 * written. Everything is on the medium when NEXT, the next step, begins. Its result is -EIO if the
 * drive cannot read anything now, or another error; then the segment must stay. */
void aside_prepare(struct job *job, void (*next)(struct job *job, int result));

#endif
