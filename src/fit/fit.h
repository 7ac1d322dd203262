/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fit.h - fits the model of an SSD to what probes have measured, and says how well it fits. One
 * thread.
 */
#ifndef FIT_H
#define FIT_H

#include "fit/params.h"

/* A figure of a probe, as measured and as the model gives it. */
struct fit_row {
	size_t probe, figure; /* numbers in probes[] */
	double measured, model;
};

struct fit_result {
	struct sim_config config;
	struct fit_row row[PROBES * PROBE_FIGURES_MAX];
	size_t rows;
	/* How far the model is from the figures: 1 is the same, 2 is twice or half. */
	double median, most_of; /* of half of the figures, and of nine of ten */
	double worst;
	size_t worst_row;
	bool told[PARAMS]; /* the probes show it: another value would give other figures */
	unsigned trials;
	double cost; /* what the search made small */
};

struct fit_opts {
	const struct probe_set *measured;
	/* What no probe shows is taken from here; an SSD. */
	const struct sim_config *base;
	uint64_t seed;
	const volatile sig_atomic_t *stop; /* may be NULL */
	/* Called before each trial with what is done and how many trials there were; may be NULL.
	 */
	void (*progress)(void *user, const char *what, unsigned trials);
	void *user;
};

/*
 * Fits. Returns 0, or -errno with weir_error() set: -EINVAL: the probes cannot be true; -EINTR: it
 * was stopped. Takes some seconds.
 */
int fit_run(struct fit_result *result, const struct fit_opts *opts);

#endif
