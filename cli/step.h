/* SPDX-License-Identifier: Apache-2.0 */
/*
 * step.h - `weir step`: one scheduler, driven by events, with nothing else around it.
 *
 * Owns the scheduler and the requests that are with it or with the imagined drive. One thread.
 */
#ifndef STEP_H
#define STEP_H

#include <stdio.h>

#include "sched/sched.h"

#define STEP_ID_MAX 31

/* A request by its name. */
struct step_rq {
	struct sched_rq rq; /* first: they are cast to each other */
	char id[STEP_ID_MAX + 1];
	uint32_t hash;
	uint32_t segments;
	bool dispatched;
	struct step_rq *next; /* of those that are to be forgotten, or that are free */
};

/* Names to requests: open addressing, and the requests' memory. */
struct step_ids {
	struct step_rq **slot;
	size_t slots, used;
	struct step_rq *free;
};

struct step {
	const struct sched_ops *ops;
	struct sched *s;
	uint64_t now;
	bool merge, json;
	struct step_ids ids;
	struct sched_list flushes; /* go before the scheduler's, which never sees them */
	struct step_rq *gone;	   /* merged away in this event */
};

/* step_ids.c: the request ID, or NULL. */
struct step_rq *step_ids_find(const struct step_ids *ids, const char *id);
/* A new request ID, zeroed. ID must be new and at most STEP_ID_MAX long. NULL: out of memory. */
struct step_rq *step_ids_add(struct step_ids *ids, const char *id);
/* Forgets RQ, whose memory may be used again. */
void step_ids_remove(struct step_ids *ids, struct step_rq *rq);
void step_ids_free(struct step_ids *ids);

/* What is imagined around the scheduler, and how answers are printed. */
struct step_opts {
	const char *sched; /* a scheduler that exists */
	enum sched_merging merging;
	bool rotational;
	bool json;
};

/* step_events.c: opens the scheduler. 0 or -ENOMEM. */
int step_open(struct step *st, const struct step_opts *opts);
void step_close(struct step *st);
/* Sets the tunable NAME. 0 or -EINVAL, weir_error() set. */
int step_set(struct step *st, const char *name, const char *value);
/* Does what the N WORDS say, and prints what comes of it. 0 or -errno, weir_error() set. */
int step_event(struct step *st, char **words, int n);

/* step.c: reads events from IN, to its end or to the first that is wrong. 0 or -errno,
 * weir_error() naming the line. */
int step_read(struct step *st, FILE *in);

#endif
