/* SPDX-License-Identifier: Apache-2.0 */
/* page_percentiles.h - values of objects, and plots of their latencies by percentile. One thread.
 */
#ifndef CLI_PAGE_PERCENTILES_H
#define CLI_PAGE_PERCENTILES_H

#include <stdio.h>

#include <jansson.h>

#include "cli/plot.h"

#define PERCENTILES 7

/* The lines of a plot of percentiles. */
struct percentiles {
	struct plot plot;
	double x[PLOT_SERIES_MAX][PERCENTILES], y[PLOT_SERIES_MAX][PERCENTILES];
};

/* Returns the number VALUE: itself, or the median of a spread; below 0: there is none. */
double page_number(const json_t *value);

/* Returns the member KEY of OBJECT in the same way. */
double page_get(const json_t *object, const char *key);

/* Returns the text KEY of OBJECT, or "". */
const char *page_text(const json_t *object, const char *key);

/* Adds the line NAME with the percentiles in LATENCY to P. NAME must stay valid. */
void page_add(struct percentiles *p, const char *name, const json_t *latency);

/* Draws P. */
void page_draw(FILE *out, struct percentiles *p, const char *title);

/* Plots the percentiles of the objects in ENTRIES, if they have some. */
void page_percentiles(FILE *out, const char *title, const json_t *entries);

#endif
