/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fit.c - the steps of a fit. See fit.h. Reads first, since nothing that writes changes them; then
 * writes and flushes; then both together; then all. Several page sizes begin, and the best goes on.
 */
#include "fit/fit.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/nsec.h"
#include "fit/search.h"

/* The factors with which the searches begin and end. */
#define STEP_FIRST 1.3
#define STEP_LATER 1.2
#define STEP_ROUGH 1.08
#define STEP_FINE 1.02
/* Reads that cost less than this need no other page. */
#define READS_GOOD 0.1
/* The same for all probes. */
#define MODEL_GOOD 0.2
/* Half and full duplex, when the cache drains, and what a read interrupts. */
#define WAYS 18
#define MIXING (PROBE_MIXED | PROBE_FLUSHES | PROBE_FLOOD)
#define WRITING (PROBE_WRITES | PROBE_FLUSHES | PROBE_FLOOD | PROBE_CLIFF)
/* Another value of a parameter, and the change of a figure that shows it. */
#define TOLD_FACTOR 1.5
#define TOLD_LEAST 1.05

struct fit {
	const struct fit_opts *opts;
	struct search search;
	struct trial chosen; /* the best of all starts */
	const char *what;    /* for the progress */
};

static void fit_progress(void *user, unsigned trials)
{
	struct fit *f = user;

	if (f->opts->progress)
		f->opts->progress(f->opts->user, f->what, trials);
}

/* Runs all probes on the model of the search. */
static int fit_look(struct fit *f)
{
	return search_try(&f->search, &f->search.best, SEARCH_ALL);
}

/* Finds what reads, from the closed form with PAGE. Leaves the model in the search. */
static int fit_reads(struct fit *f, uint64_t page)
{
	struct search *s = &f->search;
	int err;

	f->what = "reads";
	memset(&s->best, 0, sizeof(s->best));
	s->best.config = *f->opts->base;
	s->best.config.ssd.page = page;
	params_facts(&s->best.config, &f->opts->measured->facts);
	guess_reads(&s->best.config, f->opts->measured);
	guess_writes(&s->best.config, f->opts->measured);
	err = search_try(s, &s->best, PROBE_READS);
	return err ? err : search_improve(s, PROBE_READS, STEP_FIRST, STEP_ROUGH);
}

/* Keeps the model of the search if it is the best until now for KINDS. */
static void fit_keep(struct fit *f, unsigned kinds, bool first)
{
	if (first || search_cost(&f->search.best, kinds) < search_cost(&f->chosen, kinds))
		f->chosen = f->search.best;
}

/* Sets how C does both at once: number I of WAYS. */
static void fit_way(struct sim_config *c, unsigned i)
{
	static const uint64_t suspends[] = { 0, 20 * NSEC_PER_USEC, 80 * NSEC_PER_USEC };

	c->duplex = i % 2;
	c->ssd.drain = i / 2 % 3;
	c->ssd.program_suspend = suspends[i / 6];
}

/* Finds how the drive reads beside writes. Leaves the model in the search. */
static int fit_beside(struct fit *f)
{
	struct search *s = &f->search;
	struct trial start = s->best;
	int err = 0;

	f->what = "reads beside writes";
	for (unsigned i = 0; i < WAYS && !err; i++) {
		const struct search_limit limit = { MIXING, i ? search_cost(&f->chosen, MIXING)
							      : INFINITY };
		bool better;

		s->best = start;
		fit_way(&s->best.config, i);
		err = search_try_below(s, &s->best, MIXING, &limit, &better);
		if (better)
			f->chosen = s->best;
	}
	s->best = f->chosen;
	return err;
}

/* Finds the rest, for a model that reads as it should. */
static int fit_writes(struct fit *f)
{
	struct search *s = &f->search;
	int err;

	f->what = "writes";
	guess_writes(&s->best.config, f->opts->measured);
	err = fit_look(f);
	if (!err)
		err = search_improve(s, PROBE_READS | WRITING, STEP_LATER, STEP_ROUGH);
	if (!err)
		err = fit_beside(f);
	if (!err)
		err = fit_look(f);
	f->what = "all together";
	return err ? err : search_improve(s, SEARCH_ALL, STEP_LATER, STEP_ROUGH);
}

/* Finds the model from the closed form: of several pages the one that reads best goes on. */
static int fit_find(struct fit *f)
{
	const uint64_t pages[] = { f->opts->base->ssd.page, 16384, 4096 };
	int err = 0;

	for (size_t i = 0; i < 3 && !err; i++) {
		if (i && pages[i] == pages[0])
			continue;
		err = fit_reads(f, pages[i]);
		fit_keep(f, PROBE_READS, !i);
		if (search_cost(&f->chosen, PROBE_READS) < READS_GOOD)
			break;
	}
	f->search.best = f->chosen;
	if (!err)
		err = search_improve(&f->search, PROBE_READS, STEP_ROUGH, STEP_FINE);
	return err ? err : fit_writes(f);
}

/* Searches from the best model with pages that are longer (TIMES 2) or shorter. */
static int fit_other_page(struct fit *f, double times)
{
	struct search *s = &f->search;
	int err;

	s->best = f->chosen;
	param_scale(&s->best.config, PARAM_PAGE, times);
	param_scale(&s->best.config, PARAM_PROGRAM, times);
	param_scale(&s->best.config, PARAM_SLC_PROGRAM, times);
	params_repair(&s->best.config);
	err = fit_look(f);
	if (!err)
		err = search_improve(s, SEARCH_ALL & ~(unsigned)PROBE_CLIFF, STEP_LATER,
				     STEP_ROUGH);
	if (!err)
		err = fit_look(f);
	fit_keep(f, SEARCH_ALL, false);
	return err;
}

/* Finds the model, unless the base as it is does better. */
static int fit_choose(struct fit *f)
{
	int err = fit_find(f);

	f->what = "other pages";
	f->chosen = f->search.best;
	for (int i = 0; i < 2 && !err && search_cost(&f->chosen, SEARCH_ALL) > MODEL_GOOD; i++)
		err = fit_other_page(f, i ? 2 : 0.5);
	f->search.best.config = *f->opts->base;
	params_facts(&f->search.best.config, &f->opts->measured->facts);
	params_repair(&f->search.best.config);
	if (!err)
		err = fit_look(f);
	fit_keep(f, SEARCH_ALL, false);
	f->search.best = f->chosen;
	return err;
}

/* Returns true if a figure of KINDS differs between A and B. */
static bool fit_differs(const struct fit *f, const struct trial *a, const struct trial *b,
			unsigned kinds)
{
	for (size_t i = 0; i < PROBES; i++)
		for (size_t k = 0; k < PROBE_FIGURES_MAX && probes[i].figure[k].name; k++)
			if (probes[i].kind & kinds && f->opts->measured->value[i][k] > 0 &&
			    search_apart(a->value[i][k], b->value[i][k]) > TOLD_LEAST)
				return true;
	return false;
}

/* Finds out whether VALUE instead of that of ID gives other figures. */
static int fit_would_tell(struct fit *f, enum param_id id, uint64_t value, bool *told)
{
	struct search *s = &f->search;
	int err = 0;

	s->next = s->best;
	param_set(&s->next.config, id, value);
	params_repair(&s->next.config);
	if (!memcmp(&s->next.config, &s->best.config, sizeof(s->next.config))) {
		*told = false;
		return 0;
	}
	/* The first figure that differs tells. Both parts of the flood are one run. */
	*told = false;
	for (unsigned kind = 1; kind <= PROBE_FLOOD && !err && !*told; kind *= 2) {
		unsigned kinds =
			params[id].kinds & (kind == PROBE_FLOOD ? PROBE_FLOOD | PROBE_CLIFF : kind);

		err = kinds ? search_try(s, &s->next, kinds) : 0;
		*told = !err && fit_differs(f, &s->best, &s->next, kinds);
	}
	return err;
}

/* Finds out for each parameter whether the probes show it: both a larger and a smaller value. */
static int fit_ask(struct fit *f, bool told[PARAMS])
{
	int err = 0;

	f->what = "what the probes tell";
	for (int i = 0; i < PARAMS && !err; i++) {
		enum param_id id = (enum param_id)i;
		struct sim_config more = f->search.best.config, less = more;
		uint64_t value = param_get(&more, id);
		bool other = true;

		param_scale(&more, id, TOLD_FACTOR);
		param_scale(&less, id, 1 / TOLD_FACTOR);
		if (params[i].choice) {
			err = fit_would_tell(f, id, value ? value - 1 : 1, &told[i]);
			continue;
		}
		err = value ? fit_would_tell(f, id, param_get(&more, id), &told[i]) : 0;
		if (told[i] && !err)
			err = fit_would_tell(f, id, param_get(&less, id), &other);
		told[i] = told[i] && other;
	}
	return err;
}

static int fit_compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

/* Makes the rows of the result, and what sums them up. */
static void fit_rows(const struct fit *f, struct fit_result *r)
{
	double apart[PROBES * PROBE_FIGURES_MAX] = { 0 };

	r->config = f->search.best.config;
	for (size_t i = 0; i < PROBES; i++)
		for (size_t k = 0; k < PROBE_FIGURES_MAX && probes[i].figure[k].name; k++) {
			struct fit_row row = { i, k, f->opts->measured->value[i][k],
					       f->search.best.value[i][k] };

			if (!(row.measured > 0))
				continue;
			apart[r->rows] = search_apart(row.model, row.measured);
			if (!r->rows || apart[r->rows] > r->worst) {
				r->worst = apart[r->rows];
				r->worst_row = r->rows;
			}
			r->row[r->rows++] = row;
		}
	qsort(apart, r->rows, sizeof(*apart), fit_compare);
	r->median = apart[r->rows / 2];
	r->most_of = apart[r->rows * 9 / 10];
	r->trials = f->search.trials;
	r->cost = search_cost(&f->search.best, SEARCH_ALL);
}

int fit_run(struct fit_result *result, const struct fit_opts *opts)
{
	struct fit *f = calloc(1, sizeof(*f));
	int err = probes_check(opts->measured);

	memset(result, 0, sizeof(*result));
	if (!f)
		return error_sys(-ENOMEM, "no memory to fit");
	f->opts = opts;
	f->search = (struct search){ .measured = opts->measured,
				     .seed = opts->seed,
				     .stop = opts->stop,
				     .progress = fit_progress,
				     .user = f };
	if (!err)
		err = fit_choose(f);
	f->what = "all together";
	if (!err)
		err = search_improve(&f->search, SEARCH_ALL, STEP_ROUGH, STEP_FINE);
	params_round(&f->search.best.config);
	if (!err)
		err = fit_look(f);
	if (!err)
		fit_rows(f, result);
	if (!err)
		err = fit_ask(f, result->told);
	free(f);
	return err;
}
