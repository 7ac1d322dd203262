/* SPDX-License-Identifier: Apache-2.0 */
/*
 * page.h - the results of runs as a page: facts, tables and plots. The JSON is that of the commands
 * (docs/json.md), but it comes from a file, so nothing in it is relied on: what is missing or of
 * another type is left out. One thread.
 */
#ifndef CLI_PAGE_H
#define CLI_PAGE_H

#include <stdbool.h>
#include <stdio.h>

#include <jansson.h>

#include "cli/series.h"

struct page {
	const char *title;
	json_t *runs;	       /* array of the objects that were read */
	struct series *series; /* the tables of windows that were read */
	size_t nr_series;
};

/* Writes the whole page. */
void page_write(FILE *out, const struct page *p);

/* page_tree.c: writes any object: a table of its values, and a table for each array. */
void page_tree(FILE *out, const json_t *object);

/* page_tree.c: writes VALUE, whose name NAME tells its unit. */
void page_value(FILE *out, const char *name, const json_t *value);

/* page_runs.c: writes a run of `weir sim`. */
void page_sim(FILE *out, const json_t *run);

/* page_runs.c: writes the runs of `weir sim` in RUNS side by side, if there are two or more. */
bool page_compare(FILE *out, const json_t *runs);

/* page_runs.c: writes the results of a suite. */
void page_suite(FILE *out, const json_t *run);

/* page_probes.c: writes what `weir bench probe` or `weir sim --probes` measured. */
void page_probes(FILE *out, const json_t *run);

/* page_probes.c: writes a fit of `weir sim --fit`: the model beside the drive. */
void page_fit(FILE *out, const json_t *run);

/* page_bench.c: writes what `weir bench run` or `weir bench tails` compared. */
void page_bench(FILE *out, const json_t *run);

/* page_bench.c: writes the cases of `weir bench fairness`. */
void page_fairness(FILE *out, const json_t *run);

/* page_replay.c: writes what `weir replay` did. */
void page_replay(FILE *out, const json_t *run);

/* page_series.c: plots a table of windows. */
void page_series(FILE *out, const struct series *s);

#endif
