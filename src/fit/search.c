/* SPDX-License-Identifier: Apache-2.0 */
/*
 * search.c - the pattern search. See search.h.
 *
 * Each move is tried with a factor and its inverse; what lowers the cost is kept and repeated. When
 * no move helps, the factor halves. A move runs only the probes that it can change, and no more of
 * them once they cost too much: no probe makes a model cheaper. No random number and no function of
 * libm is used, so all machines find the same.
 */
#include "fit/search.h"

#include <math.h>
#include <string.h>

#include "base/nsec.h"

/* Below this distance the cost is a square, above it a line: a probe that no model can meet does
 * not outweigh the others. */
#define COST_BEND 0.1
#define COST_MOST 10.0
/* A probe that no longer answers counts as this far away. */
#define COST_LOST 1e3
/* A gain below this, and below this part of the cost, is chance. */
#define GAIN_LEAST 2e-3
#define GAIN_PART 1e-2
#define REPEATS 6
/* So often all moves are tried with one step. */
#define SWEEPS 2
/* The flood's points from here on are its second part. */
#define CLIFF_POINT 8
/* So many of its points are enough for most models. */
#define BRIEF_POINT 6
/* The lengths in the table are for a drive that reads so often in a second, 128 reads at once. */
#define FAST_IOPS 700e3
#define TIMES_MOST 20
/* A cache that is filling takes more than this, in parts of what the flash programs. */
#define STEADY 1.03
/* One probe of many figures counts as so many of few. */
#define FLOOD_WEIGHT 3.0
/* What one of a hundred ios takes is partly chance. */
#define RARE_WEIGHT 0.3

double search_apart(double model, double measured)
{
	if (!(model > 0) || !(measured > 0))
		return COST_LOST;
	return model > measured ? model / measured : measured / model;
}

/* Returns the mean cost of figures FIRST to LAST - 1 of probe I that were measured. */
static double search_figures(const struct search *s, const struct trial *t, size_t i, size_t first,
			     size_t last)
{
	double sum = 0, weights = 0;

	for (size_t k = first; k < last && probes[i].figure[k].name; k++) {
		double e = search_apart(t->value[i][k], s->measured->value[i][k]) - 1;
		double weight = probes[i].figure[k].of == PROBE_P99 ? RARE_WEIGHT : 1;

		if (!(s->measured->value[i][k] > 0))
			continue;
		e = e * e / (e + COST_BEND);
		sum += weight * (e < COST_MOST ? e : COST_MOST);
		weights += weight;
	}
	return weights > 0 ? sum / weights : 0;
}

double search_cost(const struct trial *t, unsigned kinds)
{
	double sum = 0;

	for (size_t i = 0; i < PROBES; i++)
		if (probes[i].kind & kinds & ~(unsigned)PROBE_CLIFF)
			sum += t->cost[i] * (i == PROBE_FLOODED ? FLOOD_WEIGHT : 1);
	return kinds & PROBE_CLIFF ? sum + t->cost[PROBES] * FLOOD_WEIGHT : sum;
}

static int search_run(struct search *s, const struct sim_config *c, size_t i, uint64_t ns,
		      double values[PROBE_FIGURES_MAX])
{
	struct sim_run_opts run = { .config = c, .seed = s->seed, .stop = s->stop };
	struct probe_run how = { .run = &run,
				 .facts = &s->measured->facts,
				 .runtime_ns = ns,
				 .paced = probe_paced(s->measured) };
	uint64_t written;
	bool bound = false;

	return probe_run(i, &how, values, &written, &bound);
}

/*
 * Returns true if C has reached its last rate before point N - 2 of the flood, so that VALUE, its
 * points before N, tell the rest up to point LAST. It has if it takes no more than it programs.
 */
static bool search_is_steady(const struct search *s, const struct sim_config *c,
			     const double *value, size_t n, size_t last)
{
	uint64_t program = c->ssd.slc ? c->ssd.slc_program : c->ssd.program;
	double recent = value[n - 1] - value[n - 2], ns = (double)probe_point_ns(n - 2);
	double pages = (double)(c->ssd.channels * c->ssd.page) * ns / (double)program;
	double later = recent * (double)(probe_point_ns(last) - probe_point_ns(n - 1)) / ns;

	if (recent > STEADY * pages)
		return false;
	return !c->ssd.slc ||
	       (double)c->ssd.slc >
		       value[n - 1] + later + (double)s->measured->written[PROBE_FLOODED];
}

/* Continues a flood whose rate does not change any more, from point N to LAST. */
static void search_continue(double *value, size_t n, size_t last)
{
	double recent = value[n - 1] - value[n - 2];

	/* The distance of points doubles each time. */
	for (; n <= last; n++) {
		recent *= 2;
		value[n] = value[n - 1] + recent;
	}
}

/* Returns the model as the flood finds it: earlier probes have used a part of the fast flash. */
static struct sim_config search_flooded(const struct search *s, const struct sim_config *c)
{
	uint64_t before = s->measured->written[PROBE_FLOODED];
	struct sim_config flooded = *c;

	flooded.ssd.slc = before < c->ssd.slc ? c->ssd.slc - before : 0;
	if (flooded.ssd.slc < c->ssd.channels * c->ssd.page)
		flooded.ssd.slc = 0;
	return flooded;
}

/* Runs the flood: its first part, and the second one if KINDS ask for it. */
static int search_flood(struct search *s, struct trial *t, unsigned kinds)
{
	size_t points = probe_points(s->measured->runtime_ns[PROBE_FLOODED]), n;
	size_t last = kinds & PROBE_CLIFF ? points - 1 : CLIFF_POINT - 1;
	struct sim_config c = search_flooded(s, &t->config);
	double value[PROBE_FIGURES_MAX];
	int err = 0;

	/* Often a short run tells all; if not, it is a longer one. */
	for (n = BRIEF_POINT; !err; n += 2) {
		n = n < last + 1 ? n : last + 1;
		err = search_run(s, &c, PROBE_FLOODED, probe_point_ns(n - 1), value);
		if (n > last || (!err && search_is_steady(s, &t->config, value, n, last)))
			break;
	}
	if (!err)
		search_continue(value, n, last);
	if (!err)
		memcpy(t->value[PROBE_FLOODED], value, (last + 1) * sizeof(*value));
	return err;
}

/* Without a map that must be read, all places of a drive are alike: one probe tells all three. */
static bool search_is_far(const struct sim_config *c, size_t i)
{
	return !c->ssd.map && (i == PROBE_READ_NEAR || i == PROBE_READ_MID);
}

/* Returns how long probe I runs: a slow drive needs longer to do enough of anything. */
static uint64_t search_length(const struct search *s, size_t i)
{
	double times = FAST_IOPS / s->measured->value[PROBE_READ_4K_128][0];

	times = times < 1 ? 1 : times > TIMES_MOST ? TIMES_MOST : times;
	return (uint64_t)(probes[i].ms * times * NSEC_PER_MSEC);
}

/* Runs probe I on the model of T, for KINDS. */
static int search_probe(struct search *s, struct trial *t, size_t i, unsigned kinds)
{
	uint64_t ns = search_length(s, i), measured = s->measured->runtime_ns[i];
	int err;

	/* A large cache takes longer to fill than most need. */
	if (probes[i].kind & (PROBE_MIXED | PROBE_FLUSHES))
		ns += t->config.ssd.cache / 2;
	ns = ns < measured ? ns : measured;
	if (probes[i].kind & PROBE_FLOOD)
		return search_flood(s, t, kinds);
	err = search_run(s, &t->config, i, ns, t->value[i]);
	if (i == PROBE_READ_FAR && !t->config.ssd.map)
		t->value[PROBE_READ_NEAR][0] = t->value[PROBE_READ_MID][0] = t->value[i][0];
	return err;
}

/* Makes T one of which the probes of KINDS are not known: they cost nothing yet. */
static void search_forget(struct trial *t, unsigned kinds)
{
	for (size_t i = 0; i < PROBES; i++)
		if (probes[i].kind & kinds)
			t->cost[i] = 0;
	if (kinds & PROBE_CLIFF)
		t->cost[PROBES] = 0;
}

/* Runs probe I on the model of T, for KINDS, and computes what it costs. */
static int search_one(struct search *s, struct trial *t, size_t i, unsigned kinds)
{
	size_t last = i == PROBE_FLOODED ? CLIFF_POINT : PROBE_FIGURES_MAX;
	int err = search_is_far(&t->config, i) ? 0 : search_probe(s, t, i, kinds);

	t->cost[i] = search_figures(s, t, i, 0, last);
	if (probes[i].kind & kinds & PROBE_CLIFF)
		t->cost[PROBES] = search_figures(s, t, i, CLIFF_POINT, PROBE_FIGURES_MAX);
	return err;
}

int search_try_below(struct search *s, struct trial *t, unsigned changed,
		     const struct search_limit *limit, bool *below)
{
	int err = 0;

	if (s->progress)
		s->progress(s->user, s->trials);
	s->trials++;
	search_forget(t, changed);
	*below = search_cost(t, limit->kinds) < limit->cost;
	for (size_t i = 0; i < PROBES && *below && !err; i++) {
		if (!(probes[i].kind & changed))
			continue;
		err = search_one(s, t, i, changed);
		*below = search_cost(t, limit->kinds) < limit->cost;
	}
	return err;
}

int search_try(struct search *s, struct trial *t, unsigned kinds)
{
	const struct search_limit none = { kinds, INFINITY };
	bool below;

	return search_try_below(s, t, kinds, &none, &below);
}

/* Keeps S->next, which differs in the probes of CHANGED, if it is better in KINDS. */
static int search_judge(struct search *s, unsigned changed, unsigned kinds, bool *better)
{
	double old = search_cost(&s->best, kinds);
	const struct search_limit limit = { kinds, old * (1 - GAIN_PART) - GAIN_LEAST };
	int err;

	*better = false;
	if (!memcmp(&s->next.config, &s->best.config, sizeof(s->next.config)))
		return 0;
	err = search_try_below(s, &s->next, changed & kinds, &limit, better);
	*better = *better && !err;
	if (*better)
		s->best = s->next;
	return err;
}

static unsigned search_changes(const struct move *m)
{
	unsigned kinds = m->kinds;

	for (size_t i = 0; !m->kinds && i < MOVE_PARTS && m->part[i].power; i++)
		kinds |= params[m->part[i].id].kinds;
	return kinds;
}

/* Tries M with FACTOR, and goes on while that helps. */
static int search_move(struct search *s, const struct move *m, double factor, unsigned kinds,
		       bool *any)
{
	bool better = true;
	int err = 0;

	for (int i = 0; i < REPEATS && better && !err; i++) {
		s->next = s->best;
		move_make(&s->next.config, m, factor);
		err = search_judge(s, search_changes(m), kinds, &better);
		*any |= better;
	}
	return err;
}

static int search_moves(struct search *s, double step, unsigned kinds, bool *any)
{
	int err = 0;

	for (size_t i = 0; i < nr_moves && !err; i++) {
		const struct move *m = &moves[i];
		double factor = m->least > step ? m->least : step;
		bool up = false;

		if (!((m->when ? m->when : search_changes(m)) & kinds))
			continue;
		err = search_move(s, m, factor, kinds, &up);
		*any |= up;
		if (!err && !up)
			err = search_move(s, m, 1 / factor, kinds, any);
	}
	return err;
}

static int search_choices(struct search *s, unsigned kinds, bool *any)
{
	int err = 0;

	for (size_t i = 0; i < nr_choices; i++)
		for (size_t k = 0; k < 3 && !err; k++) {
			const struct choice *c = &choices[i];
			bool better;

			if (c->value[k] == UINT64_MAX || !(params[c->id].kinds & kinds))
				continue;
			s->next = s->best;
			param_set(&s->next.config, c->id, c->value[k]);
			err = search_judge(s, params[c->id].kinds, kinds, &better);
			*any |= better;
		}
	return err;
}

int search_improve(struct search *s, unsigned kinds, double step, double least)
{
	bool first = true, any = true;
	int err = 0;

	while (step > least && !err) {
		any = true;
		for (int sweep = 0; sweep < SWEEPS && any && !err; sweep++) {
			any = false;
			if (first)
				err = search_choices(s, kinds, &any);
			if (!err)
				err = search_moves(s, step, kinds, &any);
			first = first && any;
		}
		step = 1 + (step - 1) / 2;
	}
	return err;
}
