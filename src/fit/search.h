/* SPDX-License-Identifier: Apache-2.0 */
/*
 * search.h - looks for the parameters with which a model gives the figures of probes: a pattern
 * search, which tries moves one after another and keeps what helps. One thread.
 */
#ifndef FIT_SEARCH_H
#define FIT_SEARCH_H

#include "fit/params.h"

#define SEARCH_ALL (2 * (unsigned)PROBE_CLIFF - 1)

/* A model, and what it gives. */
struct trial {
	struct sim_config config;
	double value[PROBES][PROBE_FIGURES_MAX];
	double cost[PROBES + 1]; /* of each probe; the flood's second part is the last */
};

struct search {
	const struct probe_set *measured;
	uint64_t seed;
	const volatile sig_atomic_t *stop; /* may be NULL */
	/* Called before each trial with their number until now; may be NULL. */
	void (*progress)(void *user, unsigned trials);
	void *user;
	unsigned trials;
	struct trial best, next;
};

/*
 * Runs the probes of KINDS on the model of T, whose other figures stay what they are. Returns 0 or
 * -errno with weir_error() set.
 */
int search_try(struct search *s, struct trial *t, unsigned kinds);

/* What a trial must stay below. */
struct search_limit {
	unsigned kinds; /* whose cost counts */
	double cost;
};

/*
 * Does the same with the probes of CHANGED until what is known costs no less than LIMIT. *BELOW:
 * all of it costs less. If not, the trial is not whole.
 */
int search_try_below(struct search *s, struct trial *t, unsigned changed,
		     const struct search_limit *limit, bool *below);

/* Returns the cost of the probes of KINDS. */
double search_cost(const struct trial *t, unsigned kinds);

/*
 * Improves S->best, whose figures are known, for the probes of KINDS, in steps of factors that
 * begin with STEP and end with LEAST. Returns 0 or -errno with weir_error() set.
 */
int search_improve(struct search *s, unsigned kinds, double step, double least);

/* Returns how far MODEL is from MEASURED: 1 is the same, 2 is twice or half. */
double search_apart(double model, double measured);

#endif
