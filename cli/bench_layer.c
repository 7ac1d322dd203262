/* SPDX-License-Identifier: Apache-2.0 */
/* bench_layer.c - `weir bench layer`: what an io costs above a drive that costs nothing. */
#include <stdlib.h>
#include <string.h>

#include <weir/base.h>

#include "base/nsec.h"
#include "bench/layer.h"
#include "cli/bench.h"
#include "cli/command.h"
#include "cli/opening.h"
#include "cli/report.h"
#include "cli/table.h"

/* A measurement takes a fourth more, to warm up. */
#define LAYER_WARM 1.25
#define LAYER_LEAST_NS (2 * NSEC_PER_MSEC)

struct layer_args {
	const char *sched, *depth, *batch, *threads, *lanes, *merging, *offsets, *submitters;
	uint64_t burst, time_ns, rounds, ios;
	unsigned json;
	struct tracing tracing;
};

static const struct layer_args layer_defaults = {
	.sched = "all",
	.depth = "1,32,128",
	.threads = "1",
	.merging = "off",
	.offsets = "sequential",
	.submitters = "1",
	.burst = 1,
	.time_ns = 15 * NSEC_PER_SEC,
	.rounds = 3,
};

static const struct opt layer_options[] = {
	{ .name = "sched",
	  .letter = 's',
	  .type = OPT_STRING,
	  .offset = offsetof(struct layer_args, sched),
	  .arg = "NAME,...",
	  .help = "the schedulers (default all)" },
	{ .name = "depth",
	  .type = OPT_STRING,
	  .offset = offsetof(struct layer_args, depth),
	  .arg = "N,...",
	  .help = "ios that each thread has outstanding (default\n1,32,128)" },
	{ .name = "batch",
	  .type = OPT_STRING,
	  .offset = offsetof(struct layer_args, batch),
	  .arg = "N,...",
	  .help = "ios that a thread submits before it polls (default:\n"
		  "the depth); above the depth they are left out" },
	{ .name = "threads",
	  .type = OPT_STRING,
	  .offset = offsetof(struct layer_args, threads),
	  .arg = "N,...",
	  .help = "threads that submit (default 1)" },
	{ .name = "lanes",
	  .type = OPT_STRING,
	  .offset = offsetof(struct layer_args, lanes),
	  .arg = "N,...",
	  .help = "lanes (default: as many as threads, and each thread\n"
		  "owns one); where there are more or fewer than threads,\n"
		  "the lanes have threads of their own" },
	{ .name = "merging",
	  .type = OPT_STRING,
	  .offset = offsetof(struct layer_args, merging),
	  .arg = "off|on",
	  .help = "merge adjacent ios: off (default: each is a request),\non, or off,on" },
	{ .name = "offsets",
	  .type = OPT_STRING,
	  .offset = offsetof(struct layer_args, offsets),
	  .arg = "sequential|random",
	  .help = "sequential (default), random, or both with a comma" },
	{ .name = "submitters",
	  .type = OPT_STRING,
	  .offset = offsetof(struct layer_args, submitters),
	  .arg = "N,...",
	  .help = "the ios come from so many submitters in turn\n(default 1)" },
	{ .name = "burst",
	  .type = OPT_NUMBER,
	  .offset = offsetof(struct layer_args, burst),
	  .arg = "N",
	  .min = 1,
	  .max = 1024,
	  .help = "ios of one submitter in a row (default 1)" },
	{ .name = "time",
	  .letter = 't',
	  .type = OPT_TIME,
	  .offset = offsetof(struct layer_args, time_ns),
	  .arg = "TIME",
	  .min = NSEC_PER_MSEC,
	  .max = 86400 * NSEC_PER_SEC,
	  .help = "how long all of it takes, about (default 15s)" },
	{ .name = "rounds",
	  .type = OPT_NUMBER,
	  .offset = offsetof(struct layer_args, rounds),
	  .arg = "N",
	  .min = 1,
	  .max = BENCH_ROUNDS_MAX,
	  .help = "measure each so often, in turn (default 3)" },
	{ .name = "ios",
	  .type = OPT_NUMBER,
	  .offset = offsetof(struct layer_args, ios),
	  .arg = "N",
	  .min = 1,
	  .max = UINT64_C(1) << 40,
	  .help = "exactly N ios of each thread instead of --time, as\n"
		  "for counting instructions under valgrind" },
	TRACING_OPTIONS(offsetof(struct layer_args, tracing)),
	JSON_OPTION(offsetof(struct layer_args, json)),
	OPT_END,
};

/* The values of the options. */
struct layer_axes {
	struct bench_names scheds, merging, offsets;
	struct bench_numbers depths, batches, threads, lanes, submitters;
};

/* One combination, and its results. */
struct layer_cell {
	struct bench_layer what;
	struct bench_samples ns, mega_ios, instructions, prepare, submit, poll;
	bool polls, steps;
	double wait; /* the worst of the rounds */
};

struct layer_cells {
	const struct layer_axes *axes;
	struct layer_cell *cell;
	size_t n, room;
	int failed;
};

static const char *const layer_switch[] = { "off", "on", NULL };
static const char *const layer_orders[] = { "sequential", "random", NULL };

static int layer_read(const struct layer_args *args, struct layer_axes *axes)
{
	int exit_code = bench_read_scheds("sched", args->sched, &axes->scheds);

	axes->batches.n = axes->lanes.n = 0;
	if (!exit_code)
		exit_code =
			bench_read_numbers("depth", args->depth, 1, BENCH_DEPTH_MAX, &axes->depths);
	if (!exit_code && args->batch)
		exit_code = bench_read_numbers("batch", args->batch, 1, BENCH_DEPTH_MAX,
					       &axes->batches);
	if (!exit_code)
		exit_code = bench_read_numbers("threads", args->threads, 1, BENCH_THREADS_MAX,
					       &axes->threads);
	if (!exit_code && args->lanes)
		exit_code = bench_read_numbers("lanes", args->lanes, 1, BENCH_THREADS_MAX,
					       &axes->lanes);
	if (!exit_code)
		exit_code = args->lanes ? bench_check_lanes("lanes", &axes->lanes)
					: bench_check_lanes("threads", &axes->threads);
	if (!exit_code)
		exit_code = bench_read_numbers("submitters", args->submitters, 1, 1 << 20,
					       &axes->submitters);
	if (!exit_code)
		exit_code =
			bench_read_words("merging", args->merging, layer_switch, &axes->merging);
	if (!exit_code)
		exit_code =
			bench_read_words("offsets", args->offsets, layer_orders, &axes->offsets);
	return exit_code;
}

static void layer_add(struct layer_cells *cells, const struct bench_layer *what)
{
	if (cells->n == cells->room) {
		size_t room = cells->room ? 2 * cells->room : 64;
		struct layer_cell *more = reallocarray(cells->cell, room, sizeof(*more));

		if (!more) {
			cells->failed = 1;
			return;
		}
		cells->cell = more;
		cells->room = room;
	}
	memset(&cells->cell[cells->n], 0, sizeof(*cells->cell));
	cells->cell[cells->n++].what = *what;
}

/* Adds WHAT with each number of lanes; where threads own none, only with the FIRST batch. */
static void layer_add_lanes(struct layer_cells *cells, const struct layer_axes *a,
			    struct bench_layer what, bool first)
{
	for (size_t i = 0; i < (a->lanes.n ? a->lanes.n : 1); i++) {
		what.lanes = a->lanes.n ? (uint32_t)a->lanes.value[i] : what.threads;
		if (what.lanes == what.threads || first)
			layer_add(cells, &what);
	}
}

/* Adds WHAT with each batch that its depth permits. Threads that only submit have none. */
static void layer_add_batches(struct layer_cells *cells, const struct layer_axes *a,
			      struct bench_layer what)
{
	bool first = true;

	for (size_t i = 0; i < (a->batches.n ? a->batches.n : 1); i++) {
		what.batch = a->batches.n ? (uint32_t)a->batches.value[i] : what.depth;
		if (what.batch > what.depth)
			continue;
		layer_add_lanes(cells, a, what, first);
		first = false;
	}
}

/* Adds WHAT with each number of threads and submitters, each depth and batch. */
static void layer_add_depths(struct layer_cells *cells, const struct layer_axes *a,
			     struct bench_layer what)
{
	for (size_t t = 0; t < a->threads.n; t++)
		for (size_t s = 0; s < a->submitters.n; s++)
			for (size_t d = 0; d < a->depths.n; d++) {
				what.threads = (uint32_t)a->threads.value[t];
				what.submitters = (uint32_t)a->submitters.value[s];
				what.depth = (uint32_t)a->depths.value[d];
				layer_add_batches(cells, a, what);
			}
}

static void layer_add_all(struct layer_cells *cells, const struct layer_axes *a,
			  const struct layer_args *args)
{
	struct bench_layer what = { .burst = (uint32_t)args->burst,
				    .ios = args->ios,
				    .trace = tracing_current(),
				    .stop = &bench_stopped };

	for (size_t m = 0; m < a->merging.n; m++)
		for (size_t o = 0; o < a->offsets.n; o++)
			for (size_t s = 0; s < a->scheds.n; s++) {
				what.merging = !strcmp(a->merging.name[m], "on");
				what.random = !strcmp(a->offsets.name[o], "random");
				what.sched = a->scheds.name[s];
				layer_add_depths(cells, a, what);
			}
}

/* Measures CELL once. Returns 0 or an exit code. */
static int layer_measure(struct layer_cell *cell, const struct bench_counter *c)
{
	struct bench_layer_result r;

	if (bench_layer_run(&cell->what, c, &r))
		return report_error("%s: %s", cell->what.sched, weir_error());
	if (bench_stopped) /* a run that was interrupted says nothing */
		return 0;
	bench_samples_add(&cell->ns, r.ns_per_io);
	bench_samples_add(&cell->mega_ios, r.mega_ios);
	if (r.instructions > 0)
		bench_samples_add(&cell->instructions, r.instructions);
	cell->steps = r.steps;
	cell->polls = r.polls;
	cell->wait = r.wait > cell->wait ? r.wait : cell->wait;
	if (r.steps) {
		bench_samples_add(&cell->prepare, r.prepare_ns);
		bench_samples_add(&cell->submit, r.submit_ns);
		bench_samples_add(&cell->poll, r.poll_ns);
	}
	return 0;
}

static int layer_measure_all(struct layer_cells *cells, const struct layer_args *args,
			     const struct bench_counter *c)
{
	size_t all = cells->n * args->rounds;
	double each = (double)args->time_ns / LAYER_WARM / (double)(all ? all : 1);
	struct bench_progress progress;
	int exit_code = 0;

	bench_progress_begin(&progress, all);
	for (size_t round = 0; round < args->rounds && !bench_stopped; round++)
		for (size_t i = 0; i < cells->n && !exit_code && !bench_stopped; i++) {
			struct layer_cell *cell = &cells->cell[i];
			char what[64];

			snprintf(what, sizeof(what), "%s, depth %u", cell->what.sched,
				 cell->what.depth);
			bench_progress_next(&progress, what);
			cell->what.ns = each > LAYER_LEAST_NS ? (uint64_t)each : LAYER_LEAST_NS;
			exit_code = layer_measure(cell, c);
		}
	bench_progress_end(&progress);
	return exit_code;
}

/* Returns the cell that differs from CELL only in its scheduler, none; NULL: not measured. */
static const struct layer_cell *layer_base(const struct layer_cells *cells,
					   const struct layer_cell *cell)
{
	for (size_t i = 0; i < cells->n; i++) {
		struct bench_layer other = cells->cell[i].what;

		if (strcmp(other.sched, "none") != 0)
			continue;
		if (other.depth == cell->what.depth && other.batch == cell->what.batch &&
		    other.threads == cell->what.threads && other.lanes == cell->what.lanes &&
		    other.merging == cell->what.merging && other.random == cell->what.random &&
		    other.submitters == cell->what.submitters)
			return &cells->cell[i];
	}
	return NULL;
}

/*
 * Writes what is the same in all cells or, with VARIES, what is not, into BUF: "random, depth 32".
 */
static const char *layer_case(const struct layer_axes *a, const struct bench_layer *w, bool varies,
			      char *buf, size_t size)
{
	const struct {
		size_t n;
		const char *word;
		uint32_t value; /* 0: WORD says all */
	} axes[] = {
		{ a->offsets.n, w->random ? "random" : "sequential", 0 },
		{ a->merging.n, w->merging ? "merging" : "no merging", 0 },
		{ a->threads.n, "threads", w->threads },
		{ a->lanes.n ? a->lanes.n : a->threads.n, "lanes", w->lanes },
		{ a->submitters.n, "submitters", w->submitters },
		{ a->depths.n, "depth", w->depth },
		{ a->batches.n ? a->batches.n : a->depths.n, "batch", w->batch },
	};
	size_t used = 0;

	buf[0] = '\0';
	for (size_t i = 0; i < sizeof(axes) / sizeof(axes[0]) && used < size; i++) {
		if ((axes[i].n > 1) != varies)
			continue;
		used += (size_t)snprintf(buf + used, size - used, "%s%s", used ? ", " : "",
					 axes[i].word);
		if (axes[i].value && used < size)
			used += (size_t)snprintf(buf + used, size - used, " %u", axes[i].value);
	}
	return buf;
}

static void layer_row(struct table *t, const struct layer_cells *cells,
		      const struct layer_cell *cell)
{
	const struct bench_layer *w = &cell->what;
	const struct layer_cell *base = layer_base(cells, cell);
	char what[96], ns[48], mega[32], more[32] = "", count[32] = "-";
	char steps[3][24] = { "-", "-", "-" };
	const struct bench_samples *of[] = { &cell->prepare, &cell->submit, &cell->poll };

	if (base && base != cell && base->ns.n && cell->ns.n)
		snprintf(more, sizeof(more), "%+.1f",
			 bench_spread_of(&cell->ns).median - bench_spread_of(&base->ns).median);
	if (cell->instructions.n)
		snprintf(count, sizeof(count), "%.0f", bench_spread_of(&cell->instructions).median);
	snprintf(mega, sizeof(mega), "%.2f", bench_spread_of(&cell->mega_ios).median);
	for (int i = 0; i < 3 && cell->steps; i++)
		snprintf(steps[i], sizeof(steps[i]), "%.1f", bench_spread_of(of[i]).median);
	table_row(
		t, w->sched, layer_case(cells->axes, w, true, what, sizeof(what)),
		bench_text_spread(&cell->ns, bench_spread_of(&cell->ns).max < 100, ns, sizeof(ns)),
		more, mega, count, steps[0], steps[1], steps[2]);
}

static int layer_print(const struct layer_cells *cells, const struct bench_counter *c)
{
	struct table t = { .columns = "llrrrrrrr" };
	bool waited = false;
	char same[128];
	int err;

	printf("4 KiB on the null device: %s\n\n",
	       layer_case(cells->axes, &cells->cell[0].what, false, same, sizeof(same)));
	table_row(&t, "scheduler", "", "ns an io (range)", "to none", "M io/s", "instr", "prepare",
		  "submit", "poll");
	for (size_t i = 0; i < cells->n; i++) {
		if (!cells->cell[i].ns.n) /* a signal came before */
			continue;
		layer_row(&t, cells, &cells->cell[i]);
		waited |= cells->cell[i].wait > 0.05;
	}
	err = table_print(&t, 0, stdout);
	table_free(&t);
	if (*c->why)
		printf("\ninstructions: %s\n", c->why);
	if (waited)
		report_note("other programs took the processor for more than 5 %% of some runs: "
			    "look at the least of each range");
	return err ? report_error("out of memory") : 0;
}

static json_t *layer_json_cell(const struct layer_cell *cell)
{
	const struct bench_layer *w = &cell->what;
	json_t *o = json_pack(
		"{s:s, s:s, s:b, s:i, s:i, s:i, s:b, s:i, s:i, s:o, s:o, s:f}", "scheduler",
		w->sched, "offsets", w->random ? "random" : "sequential", "merging",
		(int)w->merging, "depth", (int)w->depth, "threads", (int)w->threads, "lanes",
		(int)w->lanes, "threads_poll", (int)cell->polls, "submitters", (int)w->submitters,
		"burst", (int)w->burst, "ns_per_io", bench_json_spread(&cell->ns), "mega_ios_per_s",
		bench_json_spread(&cell->mega_ios), "cpu_wait", cell->wait);

	if (o && cell->polls)
		json_object_set_new(o, "batch", json_integer(w->batch));
	if (o && cell->instructions.n)
		json_object_set_new(o, "instructions_per_io",
				    bench_json_spread(&cell->instructions));
	if (o && cell->steps)
		json_object_set_new(o, "steps",
				    json_pack("{s:o, s:o, s:o}", "prepare_ns",
					      bench_json_spread(&cell->prepare), "submit_ns",
					      bench_json_spread(&cell->submit), "poll_ns",
					      bench_json_spread(&cell->poll)));
	return o;
}

static json_t *layer_json(const struct layer_cells *cells, const struct layer_args *args,
			  const struct bench_counter *c)
{
	json_t *list = json_array();

	for (size_t i = 0; i < cells->n; i++)
		if (cells->cell[i].ns.n) /* else a signal came before */
			json_array_append_new(list, layer_json_cell(&cells->cell[i]));
	return json_pack("{s:s, s:o, s:I, s:b, s:s*, s:o}", "schema", "weir.bench.layer.v1",
			 "machine", bench_json_machine(), "rounds", (json_int_t)args->rounds,
			 "interrupted", (int)bench_stopped, "instructions_why",
			 *c->why ? c->why : NULL, "cells", list);
}

static int layer_run_cells(const struct layer_args *args, struct layer_cells *cells)
{
	struct bench_counter c;
	int exit_code;

	if (cells->failed)
		return report_error("out of memory");
	if (!cells->n)
		return report_usage("--batch: each is above each --depth");
	bench_catch_signals();
	bench_counter_open(&c);
	exit_code = layer_measure_all(cells, args, &c);
	if (!exit_code)
		exit_code = args->json ? report_json(layer_json(cells, args, &c), 0)
				       : layer_print(cells, &c);
	bench_counter_close(&c);
	return !exit_code && bench_stopped ? REPORT_INTERRUPTED : exit_code;
}

static int layer_run(void *arg, char **operands, int n)
{
	const struct layer_args *args = arg;
	struct layer_axes axes;
	struct layer_cells cells = { .axes = &axes };
	int exit_code = layer_read(args, &axes);

	(void)operands;
	(void)n;
	if (!exit_code)
		exit_code = bench_tracing_begin(&args->tracing);
	if (exit_code)
		return exit_code;
	layer_add_all(&cells, &axes, args);
	exit_code = layer_run_cells(args, &cells);
	free(cells.cell);
	return tracing_end(exit_code);
}

const struct command command_bench_layer = {
	.name = "bench layer",
	.operands = "",
	.summary = "ns and instructions of an io above a drive that costs nothing",
	.text = "Measures what an io of 4 KiB costs on the null device, for each scheduler and "
		"each\n"
		"combination of depth, batch, threads and merging. Everything counts that an io "
		"needs:\n"
		"preparing, submitting, tags, the scheduler, statistics, completion, callback. "
		"\"prepare\",\n"
		"\"submit\" and \"poll\" are its steps in the program's own calls. Instructions "
		"are counted by\n"
		"the processor, where the kernel lets it. For one thread they can also be counted "
		"by\n"
		"valgrind, from the difference of two --ios. A --trace costs some ns an io, and "
		"grows by up to a\n"
		"gigabyte a second: --ios keeps it short.\n",
	.examples = "weir bench layer\n"
		    "weir bench layer --sched none,pace --depth 128 --merging off,on\n"
		    "weir bench layer --sched mq-deadline --depth 128 --threads 1,2 --json\n"
		    "weir bench layer -s pace --depth 32 --ios 10000 --trace layer.pftrace\n"
		    "valgrind --tool=callgrind weir bench layer -s none --depth 128 --rounds 1 "
		    "--ios 100000\n",
	.options = layer_options,
	.min_operands = 0,
	.max_operands = 0,
	.args_size = sizeof(struct layer_args),
	.defaults = &layer_defaults,
	.run = layer_run,
};
