/* SPDX-License-Identifier: Apache-2.0 */
/* bench_compare.c - runs jobs under several schedulers in turn. See bench_compare.h. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <weir/base.h>

#include "base/parse.h"
#include "base/visible.h"
#include "bench/fio.h"
#include "cli/bench_compare.h"
#include "cli/report.h"
#include "cli/sim.h"

/* Of the time that a run may take, the rest is for opening, filling memory and closing. */
#define COMPARE_USED 0.9
#define COMPARE_LEAST_NS (50 * NSEC_PER_MSEC)
/* Above this share of the time, others that used the processor are worth a note. */
#define COMPARE_WAIT 0.05

struct bench_compare_entry *bench_compare_add(struct bench_compare *c, const char *name,
					      const char *sched, const struct sim_jobs *jobs)
{
	struct bench_compare_entry *e = &c->entry[c->n++];

	*e = (struct bench_compare_entry){ .name = name, .sched = sched, .jobs = jobs };
	return e;
}

uint64_t bench_compare_run_ns(const struct bench_device_args *args, size_t runs)
{
	double each = (double)args->time_ns * COMPARE_USED / (double)(args->rounds * runs);

	return each > COMPARE_LEAST_NS ? (uint64_t)each : COMPARE_LEAST_NS;
}

/* Adds the figures of LINE to ROW. */
static void bench_compare_add_line(struct bench_compare_row *row, const struct bench_line *line)
{
	const double times[] = { line->mean, line->p50,	  line->p99,
				 line->p999, line->p9999, line->max };
	struct bench_samples *of[] = { &row->mean, &row->p50,	&row->p99,
				       &row->p999, &row->p9999, &row->max };

	bench_samples_add(&row->ios, line->ios);
	bench_samples_add(&row->iops, line->iops);
	bench_samples_add(&row->mbps, line->mbps);
	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++)
		bench_samples_add(of[i], line->none ? (double)NAN : times[i]);
}

/* Returns the row of LINE. A new one follows those of the same job, and had no ios in the rounds
 * before. */
static struct bench_compare_row *bench_compare_row_of(struct bench_compare_entry *e,
						      const struct bench_line *line)
{
	struct bench_line nothing = { .none = true };
	struct bench_compare_row *row;
	size_t at = e->n;

	for (size_t i = 0; i < e->n; i++) {
		if (strcmp(e->row[i].job, line->job) != 0)
			continue;
		if (e->row[i].dir == line->dir)
			return &e->row[i];
		if (e->row[i].dir < line->dir)
			at = i + 1;
		else if (at == e->n)
			at = i;
	}
	row = realloc(e->row, (e->n + 1) * sizeof(*row));
	if (!row)
		return NULL;
	e->row = row;
	row = &e->row[at];
	memmove(row + 1, row, (e->n++ - at) * sizeof(*row));
	*row = (struct bench_compare_row){ .dir = line->dir, .section = line->section };
	memcpy(row->job, line->job, sizeof(row->job));
	for (size_t i = 0; i < e->runs; i++)
		bench_compare_add_line(row, &nothing);
	return row;
}

/* Adds the figures of OUT to those of E. A row that has no line in OUT had no ios in this round:
 * what the ios of a log or of fio are, the first round need not show. */
static int bench_compare_collect(struct bench_compare_entry *e, const struct bench_outcome *out)
{
	struct bench_line nothing = { .none = true };

	for (size_t i = 0; i < out->n; i++) {
		struct bench_compare_row *row = bench_compare_row_of(e, &out->line[i]);

		if (!row)
			return report_error("out of memory");
		bench_compare_add_line(row, &out->line[i]);
	}
	for (size_t i = 0; i < e->n; i++)
		if (e->row[i].iops.n == e->runs)
			bench_compare_add_line(&e->row[i], &nothing);
	bench_samples_add(&e->cpu, out->cpu);
	bench_samples_add(&e->cpu_ns, out->cpu_ns > 0 ? out->cpu_ns : (double)NAN);
	bench_samples_add(&e->cpu_wait, out->cpu_wait);
	e->runs++;
	e->bound += out->bound;
	return 0;
}

int bench_series_begin(struct bench_compare *c, struct output *out,
		       const struct bench_device_args *args, const struct bench_names *scheds)
{
	out->file = NULL;
	if (!args->series)
		return 0;
	if (scheds->n > 1)
		return report_usage("--series takes one scheduler: give --compare its name");
	if (output_open(out, args->series) < 0)
		return report_error("%s", weir_error());
	c->series = out->file;
	return 0;
}

int bench_series_end(const struct bench_compare *c, struct output *out, int exit_code)
{
	if (!out->file)
		return exit_code;
	if (exit_code && exit_code != REPORT_INTERRUPTED && !c->series_whole)
		output_drop(out);
	else if (output_close(out) < 0)
		return report_error("%s", weir_error());
	return exit_code;
}

static bool bench_compare_has_any(const struct bench_compare *c)
{
	size_t runs = 0;

	for (size_t i = 0; i < c->n; i++)
		runs += c->entry[i].runs;
	return runs > 0;
}

static int bench_compare_failed(const struct bench_compare *c, struct bench_compare_entry *e,
				int err)
{
	snprintf(e->error, sizeof(e->error), "%s", weir_error());
	if (err == -EINVAL && !bench_compare_has_any(c))
		return report_usage("%s: %s", e->name, weir_error());
	return report_error("%s: %s: %s", c->target->path, e->name, weir_error());
}

/* Keeps what the scheduler has learned in the run R, instead of what one before had. */
static void bench_compare_keep(struct bench_compare *c, struct sim_result *r)
{
	if (!r->state)
		return;
	free(c->kept);
	c->kept = r->state;
	c->kept_length = r->state_length;
	r->state = NULL;
}

/* Runs E with weir. Returns 0 or -errno. */
static int bench_compare_weir(struct bench_compare *c, struct bench_compare_entry *e, uint64_t seed,
			      struct bench_outcome *out)
{
	struct sim_run_opts opts = { .jobs = e->jobs,
				     .device = c->target->dev,
				     .engine = c->args->engine,
				     .scheduler = e->sched,
				     .seed = seed,
				     .depth = c->args->depth,
				     .depth_bytes = c->args->depth_bytes,
				     .window_ns = c->window_ns,
				     .window = c->window,
				     .window_user = c->window_user,
				     .stop = &bench_stopped,
				     .trace = tracing_current(),
				     .state = c->state,
				     .state_length = c->state_length,
				     .keep_state = c->keep_state };
	struct sim_result result;
	int err;

	if (e == &c->entry[c->series_of] && !e->runs)
		opts.series = c->series;
	err = sim_run(&result, &opts);

	if (err)
		return err;
	c->series_whole |= opts.series != NULL;
	e->engine = result.engine;
	if (!e->runs)
		sim_report_notes(&result.notes);
	bench_compare_keep(c, &result);
	err = bench_outcome_of(out, &result, e->jobs);
	sim_result_free(&result);
	return err;
}

int bench_compare_run_entry(struct bench_compare *c, struct bench_compare_entry *e, uint64_t seed)
{
	struct bench_outcome out = { .n = 0 };
	int err, exit_code = 0;

	if (e->sched)
		err = bench_compare_weir(c, e, seed, &out);
	else
		err = bench_fio_run(&out, e->jobs, c->target->path,
				    weir_device_get_info(c->target->dev)->direct);
	/* A run that was interrupted says nothing. */
	if (err && !bench_stopped)
		exit_code = bench_compare_failed(c, e, err);
	else if (!err && !bench_stopped)
		exit_code = bench_compare_collect(e, &out);
	bench_outcome_free(&out);
	return exit_code;
}

/* Runs entry number TURN. Returns 0 or an exit code. */
static int bench_compare_turn(struct bench_compare *c, size_t turn, uint64_t seed)
{
	struct bench_compare_entry *e = &c->entry[turn];
	size_t runs = e->runs;
	int exit_code = c->before ? c->before(c, e, c->user) : 0;

	if (!exit_code)
		exit_code = bench_compare_run_entry(c, e, seed);
	if (c->after && e->runs > runs)
		c->after(c, e, c->user);
	return exit_code;
}

/* Entry number TURN has run, with EXIT_CODE. Returns 0 if others may go on. */
static int bench_compare_ran(struct bench_compare *c, size_t turn, int exit_code)
{
	if (exit_code != REPORT_FAILED || !*c->entry[turn].error)
		return exit_code;
	c->failed = true;
	return turn < c->needed ? exit_code : 0;
}

int bench_compare_run(struct bench_compare *c)
{
	struct bench_progress own = { .all = 0 }, *progress = c->progress ? c->progress : &own;
	int exit_code = 0;

	if (!c->progress)
		bench_progress_begin(progress, c->n * c->args->rounds);
	for (uint64_t round = 0; round < c->args->rounds; round++)
		for (size_t i = 0; i < c->n && !exit_code && !bench_stopped; i++) {
			size_t turn = c->in_order ? i : (i + round) % c->n;

			bench_progress_next(progress, c->entry[turn].name);
			if (*c->entry[turn].error)
				continue;
			exit_code = bench_compare_turn(c, turn, round + 1);
			exit_code = bench_compare_ran(c, turn, exit_code);
		}
	if (!c->progress)
		bench_progress_end(progress);
	if (c->failed)
		return bench_compare_has_any(c) ? 0 : REPORT_FAILED;
	return exit_code;
}

int bench_compare_exit(const struct bench_compare *c, int exit_code)
{
	if (!exit_code && c->failed)
		return REPORT_FAILED;
	return !exit_code && bench_stopped ? REPORT_INTERRUPTED : exit_code;
}

void bench_compare_free(struct bench_compare *c)
{
	for (size_t i = 0; i < c->n; i++)
		free(c->entry[i].row);
	c->n = 0;
	free(c->kept);
	c->kept = NULL;
}

const char *bench_compare_time(const struct bench_samples *s, char *buf, size_t size)
{
	double median = bench_spread_of(s).median;

	if (median > 0)
		return format_time((uint64_t)median, buf, size);
	snprintf(buf, size, "-");
	return buf;
}

static json_t *bench_compare_json_row(const struct bench_compare_row *row)
{
	json_t *options =
		row->section && !row->section->replay.io ? sim_json_options(row->section) : NULL;

	return json_pack("{s:s, s:s, s:o*, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "name",
			 row->job, "direction", sim_dir_names[row->dir], "options", options, "ios",
			 bench_json_spread(&row->ios), "iops", bench_json_spread(&row->iops),
			 "mbps", bench_json_spread(&row->mbps), "mean_ns",
			 bench_json_spread(&row->mean), "p50_ns", bench_json_spread(&row->p50),
			 "p99_ns", bench_json_spread(&row->p99), "p999_ns",
			 bench_json_spread(&row->p999), "p9999_ns", bench_json_spread(&row->p9999),
			 "max_ns", bench_json_spread(&row->max));
}

/* Returns the figures of E in S; NULL: none of its rounds has ended. */
static json_t *bench_compare_json_cpu(const struct bench_compare_entry *e,
				      const struct bench_samples *s)
{
	return e->runs ? bench_json_spread(s) : NULL;
}

json_t *bench_compare_json(const struct bench_compare_entry *e)
{
	json_t *jobs = json_array(), *error = *e->error ? report_text(e->error) : NULL;

	for (size_t i = 0; i < e->n; i++)
		json_array_append_new(jobs, bench_compare_json_row(&e->row[i]));
	return json_pack("{s:s, s:s, s:s*, s:o*, s:I, s:b, s:o*, s:o*, s:o*, s:o}", "name", e->name,
			 "by", e->sched ? "weir" : "fio", "engine", e->engine, "error", error,
			 "runs", (json_int_t)e->runs, "submitter_bound",
			 (int)(*bench_compare_mark(e) != '\0'), "cpu",
			 bench_compare_json_cpu(e, &e->cpu), "cpu_ns_per_io",
			 bench_compare_json_cpu(e, &e->cpu_ns), "cpu_wait",
			 bench_compare_json_cpu(e, &e->cpu_wait), "jobs", jobs);
}

json_t *bench_compare_json_all(const struct bench_compare *c)
{
	json_t *entries = json_array();

	for (size_t i = 0; i < c->n; i++)
		json_array_append_new(entries, bench_compare_json(&c->entry[i]));
	return entries;
}

const char *bench_compare_mark(const struct bench_compare_entry *e)
{
	return e->runs && 2 * e->bound >= e->runs ? "*" : "";
}

static void bench_compare_print_failed(const struct bench_compare *c)
{
	char seen[4 * BENCH_COMPARE_ERROR + 1]; /* fio may have said anything */

	for (size_t i = 0; i < c->n; i++) {
		const struct bench_compare_entry *e = &c->entry[i];

		if (*e->error)
			printf("\n%s failed in round %zu of %llu%s:\n  %s\n", e->name, e->runs + 1,
			       (unsigned long long)c->args->rounds,
			       e->runs ? ", and has figures of those before" : "",
			       visible(seen, sizeof(seen), e->error));
	}
}

void bench_compare_print_marks(struct bench_compare *c)
{
	bool marked = false, waited = false;

	bench_compare_print_failed(c);
	for (size_t i = 0; i < c->n; i++) {
		marked |= *bench_compare_mark(&c->entry[i]) != '\0';
		waited |= bench_spread_of(&c->entry[i].cpu_wait).median > COMPARE_WAIT;
	}
	if (marked)
		printf("\n* the thread that submits was busy all the time: these figures show the "
		       "processor, and\n  the drive had room\n");
	if (waited && !c->wait_noted)
		report_note("other programs kept the thread that submits from the processor for "
			    "more than 5 %% of the time");
	c->wait_noted |= waited;
}
