/* SPDX-License-Identifier: Apache-2.0 */
/* bench_scale.c - `weir bench scale`: what more lanes and more threads give on the null device. */
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <weir/base.h>

#include "base/nsec.h"
#include "bench/layer.h"
#include "cli/bench.h"
#include "cli/bench_device.h"
#include "cli/command.h"
#include "cli/report.h"
#include "cli/table.h"

#define SCALE_LEAST_NS (20 * NSEC_PER_MSEC)
#define SCALE_WARM 1.25
#define SCALE_CELLS_MAX (BENCH_LIST_MAX * BENCH_LIST_MAX)

struct scale_args {
	const char *sched, *lanes, *threads;
	uint64_t depth, time_ns, rounds, ios;
	unsigned json;
	struct tracing tracing;
};

static const struct scale_args scale_defaults = {
	.sched = BENCH_COMPARED,
	.depth = 128,
	.time_ns = 20 * NSEC_PER_SEC,
	.rounds = 5,
};

static const struct opt scale_options[] = {
	{ .name = "sched",
	  .letter = 's',
	  .type = OPT_STRING,
	  .offset = offsetof(struct scale_args, sched),
	  .arg = "NAME,...",
	  .help = "the schedulers, or all (default none,mq-deadline,\nkyber,bfq,pace)" },
	{ .name = "lanes",
	  .type = OPT_STRING,
	  .offset = offsetof(struct scale_args, lanes),
	  .arg = "N,...",
	  .help = "lanes (default 1, 2, 4 ... as many as processors)" },
	{ .name = "threads",
	  .type = OPT_STRING,
	  .offset = offsetof(struct scale_args, threads),
	  .arg = "N,...",
	  .help = "threads that submit (default the same)" },
	{ .name = "depth",
	  .type = OPT_NUMBER,
	  .offset = offsetof(struct scale_args, depth),
	  .arg = "N",
	  .min = 1,
	  .max = BENCH_DEPTH_MAX,
	  .help = "ios that each thread has outstanding (default 128)" },
	{ .name = "time",
	  .letter = 't',
	  .type = OPT_TIME,
	  .offset = offsetof(struct scale_args, time_ns),
	  .arg = "TIME",
	  .min = NSEC_PER_MSEC,
	  .max = 86400 * NSEC_PER_SEC,
	  .help = "how long all of it takes, about (default 20s)" },
	{ .name = "rounds",
	  .type = OPT_NUMBER,
	  .offset = offsetof(struct scale_args, rounds),
	  .arg = "N",
	  .min = 1,
	  .max = BENCH_ROUNDS_MAX,
	  .help = "measure each so often, in turn (default 5)" },
	{ .name = "ios",
	  .type = OPT_NUMBER,
	  .offset = offsetof(struct scale_args, ios),
	  .arg = "N",
	  .min = 1,
	  .max = UINT64_C(1) << 40,
	  .help = "exactly N ios of each thread instead of --time" },
	TRACING_OPTIONS(offsetof(struct scale_args, tracing)),
	JSON_OPTION(offsetof(struct scale_args, json)),
	OPT_END,
};

struct scale_cell {
	uint32_t lanes, threads;
	bool polls;
	struct bench_samples mega_ios, to_one; /* in parts of one lane with one thread */
	struct bench_samples cpu_ns;	       /* of all threads, an io */
	struct bench_samples switches;	       /* of threads, in 1000 ios */
	double wait;			       /* the worst of the rounds */
};

struct scale {
	const struct scale_args *args;
	struct bench_names scheds;
	struct bench_numbers lanes, threads;
	struct scale_cell *cell; /* of each scheduler: lanes x threads */
	size_t each;		 /* cells of a scheduler */
};

/* Fills in 1, 2, 4 ... up to the processors that this process may use. */
static void scale_default(struct bench_numbers *numbers)
{
	cpu_set_t set;
	uint64_t cpus = sched_getaffinity(0, sizeof(set), &set) ? 1 : (uint64_t)CPU_COUNT(&set);

	numbers->n = 0;
	for (uint64_t n = 1; n <= cpus && n <= BENCH_THREADS_MAX; n *= 2)
		numbers->value[numbers->n++] = n;
}

static int scale_read(struct scale *s)
{
	int exit_code = bench_read_scheds("sched", s->args->sched, &s->scheds);

	scale_default(&s->lanes);
	s->threads = s->lanes;
	if (!exit_code && s->args->lanes)
		exit_code = bench_read_numbers("lanes", s->args->lanes, 1, BENCH_THREADS_MAX,
					       &s->lanes);
	if (!exit_code)
		exit_code = bench_check_lanes("lanes", &s->lanes);
	if (!exit_code && s->args->threads)
		exit_code = bench_read_numbers("threads", s->args->threads, 1, BENCH_THREADS_MAX,
					       &s->threads);
	s->each = s->lanes.n * s->threads.n;
	return exit_code;
}

static void scale_fill(struct scale *s)
{
	for (size_t i = 0; i < s->scheds.n * s->each; i++) {
		s->cell[i].lanes = (uint32_t)s->lanes.value[i % s->each / s->threads.n];
		s->cell[i].threads = (uint32_t)s->threads.value[i % s->threads.n];
	}
}

static int scale_measure(const struct scale *s, const char *sched, struct scale_cell *cell,
			 uint64_t ns)
{
	static const struct bench_counter none = { .fd = -1 };
	struct bench_layer what = { .sched = sched,
				    .lanes = cell->lanes,
				    .threads = cell->threads,
				    .depth = (uint32_t)s->args->depth,
				    .batch = (uint32_t)s->args->depth,
				    .submitters = 1,
				    .burst = 1,
				    .ns = ns,
				    .ios = s->args->ios,
				    .trace = tracing_current(),
				    .stop = &bench_stopped };
	struct bench_layer_result r;

	if (bench_layer_run(&what, &none, &r))
		return report_error("%s, %u lanes, %u threads: %s", sched, cell->lanes,
				    cell->threads, weir_error());
	if (bench_stopped) /* a run that was interrupted says nothing */
		return 0;
	bench_samples_add(&cell->mega_ios, r.mega_ios);
	bench_samples_add(&cell->cpu_ns, r.cpu_ns);
	bench_samples_add(&cell->switches, r.switches * 1000);
	cell->polls = r.polls;
	cell->wait = r.wait > cell->wait ? r.wait : cell->wait;
	return 0;
}

static int scale_measure_all(struct scale *s)
{
	size_t cells = s->scheds.n * s->each;
	double each = (double)s->args->time_ns / SCALE_WARM / (double)(cells * s->args->rounds);
	uint64_t ns = each > SCALE_LEAST_NS ? (uint64_t)each : SCALE_LEAST_NS;
	struct bench_progress progress;
	int exit_code = 0;

	bench_progress_begin(&progress, cells * s->args->rounds);
	for (uint64_t round = 0; round < s->args->rounds; round++)
		for (size_t i = 0; i < cells && !exit_code && !bench_stopped; i++) {
			const char *sched = s->scheds.name[i / s->each];

			bench_progress_next(&progress, sched);
			exit_code = scale_measure(s, sched, &s->cell[i], ns);
		}
	bench_progress_end(&progress);
	return exit_code;
}

/* Divides by one lane with one thread of the same scheduler and round, where that was measured. */
static void scale_divide(struct scale *s)
{
	for (size_t i = 0; i < s->scheds.n * s->each; i++) {
		const struct scale_cell *first = &s->cell[i / s->each * s->each];
		const struct bench_samples *one = NULL;

		for (size_t k = 0; k < s->each && !one; k++)
			if (first[k].lanes == 1 && first[k].threads == 1)
				one = &first[k].mega_ios;
		for (size_t r = 0; one && r < s->cell[i].mega_ios.n && r < one->n; r++)
			if (one->value[r] > 0)
				bench_samples_add(&s->cell[i].to_one,
						  s->cell[i].mega_ios.value[r] / one->value[r]);
	}
}

static void scale_row(struct table *t, const struct scale *s, size_t i)
{
	const struct scale_cell *cell = &s->cell[i];
	double most = bench_spread_of(&cell->mega_ios).max;
	char lanes[16], threads[16], mega[64], ratio[32] = "", cpu[32], switches[32];

	snprintf(lanes, sizeof(lanes), "%u", cell->lanes);
	snprintf(threads, sizeof(threads), "%u", cell->threads);
	if (cell->to_one.n)
		snprintf(ratio, sizeof(ratio), "%.2f", bench_spread_of(&cell->to_one).median);
	snprintf(cpu, sizeof(cpu), "%.0f", bench_spread_of(&cell->cpu_ns).median);
	snprintf(switches, sizeof(switches), "%.2f", bench_spread_of(&cell->switches).median);
	table_row(t, i % s->each ? "" : s->scheds.name[i / s->each], lanes, threads,
		  bench_text_spread(&cell->mega_ios, most < 100 ? 2 : 1, mega, sizeof(mega)), ratio,
		  cpu, switches);
}

static int scale_print(const struct scale *s)
{
	struct table t = { .columns = "lrrrrrr" };
	bool waited = false;
	int err;

	printf("4 KiB on the null device, %llu outstanding of each thread; switches in 1000 ios\n"
	       "threads own lanes where there are as many of both, else they only submit\n\n",
	       (unsigned long long)s->args->depth);
	table_row(&t, "scheduler", "lanes", "threads", "M io/s (range)", "to 1 x 1", "CPU ns/io",
		  "switches");
	for (size_t i = 0; i < s->scheds.n * s->each; i++) {
		if (!s->cell[i].mega_ios.n) /* a signal came before */
			continue;
		scale_row(&t, s, i);
		waited |= s->cell[i].wait > 0.05;
	}
	err = table_print(&t, 0, stdout);
	table_free(&t);
	if (waited)
		report_note("threads waited for a processor for more than 5 %% of some runs: there "
			    "were more of them than processors, or other programs ran");
	return err ? report_error("out of memory") : 0;
}

static json_t *scale_json(const struct scale *s)
{
	json_t *cells = json_array();

	for (size_t i = 0; i < s->scheds.n * s->each; i++) {
		const struct scale_cell *cell = &s->cell[i];
		json_t *o;

		if (!cell->mega_ios.n)
			continue;
		o = json_pack("{s:s, s:i, s:i, s:b, s:o, s:o, s:o, s:f}", "scheduler",
			      s->scheds.name[i / s->each], "lanes", (int)cell->lanes, "threads",
			      (int)cell->threads, "threads_poll", (int)cell->polls,
			      "mega_ios_per_s", bench_json_spread(&cell->mega_ios), "cpu_ns_per_io",
			      bench_json_spread(&cell->cpu_ns), "switches_per_1000_ios",
			      bench_json_spread(&cell->switches), "cpu_wait", cell->wait);

		if (o && cell->to_one.n)
			json_object_set_new(o, "to_one", bench_json_spread(&cell->to_one));
		json_array_append_new(cells, o);
	}
	return json_pack("{s:s, s:o, s:I, s:b, s:I, s:o}", "schema", "weir.bench.scale.v1",
			 "machine", bench_json_machine(), "rounds", (json_int_t)s->args->rounds,
			 "interrupted", (int)bench_stopped, "depth", (json_int_t)s->args->depth,
			 "cells", cells);
}

static int scale_run(void *arg, char **operands, int n)
{
	struct scale s = { .args = arg };
	int exit_code = scale_read(&s);

	(void)operands;
	(void)n;
	if (!exit_code)
		exit_code = bench_tracing_begin(&s.args->tracing);
	if (exit_code)
		return exit_code;
	s.cell = calloc(s.scheds.n * s.each + 1, sizeof(*s.cell));
	if (!s.cell)
		return tracing_end(report_error("out of memory"));
	scale_fill(&s);
	bench_catch_signals();
	exit_code = scale_measure_all(&s);
	scale_divide(&s);
	if (!exit_code)
		exit_code = s.args->json ? report_json(scale_json(&s), 0) : scale_print(&s);
	free(s.cell);
	return tracing_end(!exit_code && bench_stopped ? REPORT_INTERRUPTED : exit_code);
}

const struct command command_bench_scale = {
	.name = "bench scale",
	.operands = "",
	.summary = "what more lanes and more threads give",
	.text = "Measures ios of 4 KiB on the null device with each number of lanes and of threads "
		"that\n"
		"submit, and divides by one lane with one thread. Where both numbers are equal, "
		"each thread\n"
		"owns a lane and polls it. Otherwise the lanes have threads of their own, and "
		"those that\n"
		"submit wait for their oldest io: each io is handed over twice. --json has the "
		"range of each\n"
		"figure. A --trace costs some ns an io, and grows by up to a gigabyte a second: "
		"--ios keeps\n"
		"it short.\n",
	.examples = "weir bench scale\n"
		    "weir bench scale --sched mq-deadline --lanes 2 --threads 2 --json\n"
		    "weir bench scale --sched none,pace --ios 10000 --trace scale.pftrace\n",
	.options = scale_options,
	.min_operands = 0,
	.max_operands = 0,
	.args_size = sizeof(struct scale_args),
	.defaults = &scale_defaults,
	.run = scale_run,
};
