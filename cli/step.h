/* SPDX-License-Identifier: Apache-2.0 */
/*
 * step.h - `weir step`: one scheduler that is driven by events, without a queue, a clock or a
 * device.
 *
 * Owns the scheduler, and the requests in it and in the imagined drive. One thread.
 */
#ifndef STEP_H
#define STEP_H

#include <stdio.h>

#include "sched/sched.h"

#define STEP_ID_MAX 31
#define STEP_CPUS 256u

/* A request, with its name. */
struct step_rq {
	struct sched_rq rq; /* must be first: pointers to both are cast to each other */
	char id[STEP_ID_MAX + 1];
	uint32_t hash;
	uint32_t segments;
	bool dispatched;
	struct step_rq *next; /* links requests that will be forgotten, or that are free */
};

/* Finds requests by name: a hash table with open addressing. It has the memory of the requests. */
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
	/* flushes go before the scheduler's requests; it never sees them */
	struct sched_list flushes;
	struct step_rq *gone; /* requests that were merged into others during this event */
};

/* step_ids.c: returns the request ID, or NULL. */
struct step_rq *step_ids_find(const struct step_ids *ids, const char *id);
/*
 * Adds a request ID, zeroed. ID must be new and at most STEP_ID_MAX long. Returns NULL if memory
 * ran out.
 */
struct step_rq *step_ids_add(struct step_ids *ids, const char *id);
/* Removes RQ; its memory may be used again. */
void step_ids_remove(struct step_ids *ids, struct step_rq *rq);
void step_ids_free(struct step_ids *ids);

/* step_words.c: fills in R from the N words of `insert` that follow the name. Returns 0 or -EINVAL,
 * with weir_error() set. */
int step_words_insert(struct step_rq *r, char **words, int n);

/* step_words.c: reads the number TEXT, which the usage of an event calls WHAT. Returns 0 or -errno,
 * with weir_error() set. */
int step_words_number(const char *what, const char *text, uint64_t min, uint64_t max,
		      uint64_t *value);

/* The imagined device, and how answers are printed. */
struct step_opts {
	const char *sched; /* the name of an existing scheduler */
	enum sched_merging merging;
	bool rotational;
	bool json;
};

/* step_events.c: opens the scheduler. Returns 0 or -ENOMEM. */
int step_open(struct step *st, const struct step_opts *opts);
void step_close(struct step *st);
/* Sets the tunable NAME. Returns 0 or -EINVAL with weir_error() set. */
int step_set(struct step *st, const char *name, const char *value);
/*
 * Handles the event in the N WORDS and prints its results. Returns 0 or -errno with weir_error()
 * set.
 */
int step_event(struct step *st, char **words, int n);

/*
 * step.c: reads events from IN until its end or the first wrong one. Returns 0 or -errno, where
 * weir_error() names the line.
 */
int step_read(struct step *st, FILE *in);

#endif
