/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench_fairness.c - `weir bench fairness`: how evenly programs share a drive. A share is measured
 * in the drive's time: what a flow moves, in parts of what it would move if all flows were like it.
 */
#include <stdio.h>
#include <string.h>

#include "bench/windows.h"
#include "cli/bench_compare.h"
#include "cli/bench_text.h"
#include "cli/command.h"
#include "cli/report.h"
#include "cli/table.h"

#define FAIR_WINDOW_NS (5 * NSEC_PER_MSEC)
/* Windows of 5, 20 and 100 ms. */
#define FAIR_LENGTHS 3
/* A flow has converged when it has its share in so many windows of 20 ms in a row. */
#define FAIR_LASTING 5u
#define FAIR_FLOWS_MAX 64

/* Flows of one kind. */
struct fair_kind {
	const char *name, *rw, *bs;
	unsigned depth;
};

enum { FAIR_R4, FAIR_R128, FAIR_W128, FAIR_KINDS };

static const struct fair_kind fair_kinds[FAIR_KINDS] = {
	[FAIR_R4] = { "reads of 4 KiB", "randread", "4k", 16 },
	[FAIR_R128] = { "reads of 128 KiB", "randread", "128k", 16 },
	[FAIR_W128] = { "writes of 128 KiB", "randwrite", "128k", 16 },
};

/* Flows that run beside one another. */
struct fair_flows {
	int kind;
	unsigned count, weight; /* 0: no weight */
	bool late;		/* they come when half of the time is over */
};

struct fair_case {
	const char *name, *summary;
	struct fair_flows flows[5]; /* a count of 0 ends them */
};

static const struct fair_case fair_cases[] = {
	{ "2", "2 equal readers of 4 KiB", { { FAIR_R4, 2, 0, false } } },
	{ "8", "8 equal readers of 4 KiB", { { FAIR_R4, 8, 0, false } } },
	{ "64", "64 equal readers of 4 KiB", { { FAIR_R4, 64, 0, false } } },
	{ "weights",
	  "4 readers of 128 KiB with weights 1:2:4:8",
	  { { FAIR_R128, 1, 100, false },
	    { FAIR_R128, 1, 200, false },
	    { FAIR_R128, 1, 400, false },
	    { FAIR_R128, 1, 800, false } } },
	{ "sizes",
	  "4 readers of 4 KiB beside 4 of 128 KiB",
	  { { FAIR_R4, 4, 0, false }, { FAIR_R128, 4, 0, false } } },
	{ "directions",
	  "4 readers beside 4 writers of 128 KiB",
	  { { FAIR_R128, 4, 0, false }, { FAIR_W128, 4, 0, false } } },
	{ "join",
	  "an eighth reader of 128 KiB comes when seven have run for a while",
	  { { FAIR_R128, 7, 0, false }, { FAIR_R128, 1, 0, true } } },
};

#define FAIR_CASES (sizeof(fair_cases) / sizeof(fair_cases[0]))

struct fair_args {
	struct bench_device_args device;
	const char *cases;
};

static const struct fair_args fair_defaults = {
	.device = BENCH_DEVICE_DEFAULTS,
	.cases = "2,8,64,weights,sizes,directions,join",
};

static const struct opt fair_options[] = {
	{ .name = "cases",
	  .type = OPT_STRING,
	  .offset = offsetof(struct fair_args, cases),
	  .arg = "NAME,...",
	  .help = "2, 8, 64 (equal flows), weights, sizes, directions,\njoin (default: all)" },
	BENCH_DEVICE_OPTIONS(offsetof(struct fair_args, device)),
	BENCH_SERIES_OPTION(offsetof(struct fair_args, device)),
	OPT_END,
};

/* The figures of a scheduler in a case, one for each round. */
struct fair_line {
	struct bench_samples jain[FAIR_LENGTHS], least, most, mbps, converge_ms;
};

struct fair {
	const struct fair_args *args;
	const struct fair_case *now;
	struct bench_compare compare;
	struct bench_windows windows;
	struct fair_line line[COMPARE_MAX];
	double full[FAIR_KINDS];    /* MB/s of 8 flows of a kind; 1: not needed */
	double due[FAIR_FLOWS_MAX]; /* by which what a flow moves is divided */
	size_t flows;
	bool measured; /* a case has figures */
	json_t *cases; /* with --json */
};

/* Adds the section of N flows of a kind. */
static void fair_section(struct bench_text *text, const struct fair_flows *f, size_t number)
{
	const struct fair_kind *kind = &fair_kinds[f->kind];

	bench_text_add(text, "[f%zu]\nrw=%s\nbs=%s\niodepth=%u\nnumjobs=%u\n", number, kind->rw,
		       kind->bs, kind->depth, f->count);
	if (f->weight)
		bench_text_add(text, "weight=%u\n", f->weight);
}

/* Makes the jobs of FLOWS, which run for NS. Late ones come after half of it. */
static int fair_jobs(const struct fair_flows *flows, uint64_t ns, struct sim_jobs *jobs)
{
	unsigned long long us = ns / NSEC_PER_USEC;
	struct bench_text text;

	bench_text_begin(&text);
	bench_text_add(&text, "[global]\ntime_based\n");
	for (size_t i = 0; i < 5 && flows[i].count; i++) {
		fair_section(&text, &flows[i], i);
		bench_text_add(&text, "startdelay=%lluus\nruntime=%lluus\n",
			       flows[i].late ? us / 2 : 0, flows[i].late ? us - us / 2 : us);
	}
	return bench_text_jobs(&text, jobs);
}

static bool fair_is_mixed(const struct fair_case *c)
{
	return c->flows[1].count && c->flows[0].kind != c->flows[1].kind;
}

/* Finds out what 8 flows of KIND move. */
static int fair_find_full(struct fair *f, int kind, uint64_t ns)
{
	const struct fair_flows flows[] = { { kind, 8, 0, false }, { 0, 0, 0, false } };
	struct sim_jobs jobs = { .count = 0 };
	struct bench_compare_entry *e =
		bench_compare_add(&f->compare, fair_kinds[kind].name, "none", &jobs);
	int exit_code = fair_jobs(flows, ns, &jobs);

	if (!exit_code)
		exit_code = bench_compare_run_entry(&f->compare, e, 1);
	f->full[kind] = 0;
	for (size_t i = 0; i < e->n; i++)
		f->full[kind] += bench_spread_of(&e->row[i].mbps).median;
	if (!exit_code && !bench_stopped && f->full[kind] <= 0)
		exit_code = report_error("%s: nothing ended in time: give more --time",
					 fair_kinds[kind].name);
	bench_compare_free(&f->compare);
	sim_jobs_free(&jobs);
	return exit_code;
}

/* Computes by what each flow of the case is divided: its weight and its kind. */
static void fair_set_due(struct fair *f)
{
	f->flows = 0;
	for (size_t i = 0; i < 5 && f->now->flows[i].count; i++) {
		const struct fair_flows *flows = &f->now->flows[i];
		double kind = fair_is_mixed(f->now) ? f->full[flows->kind] : 1;

		for (unsigned n = 0; n < flows->count; n++)
			f->due[f->flows++] = kind * (flows->weight ? flows->weight : 100);
	}
}

static int fair_before(struct bench_compare *c, struct bench_compare_entry *e, void *user)
{
	struct fair *f = user;

	(void)c;
	(void)e;
	bench_windows_clear(&f->windows);
	return 0;
}

/* Adds what all flows moved. A flow that came when half of the time was over has its rate of the
 * other half. */
static void fair_moved(struct fair_line *line, const struct bench_compare_entry *e,
		       const struct fair *f)
{
	size_t late = f->now->flows[1].late ? f->flows - f->now->flows[1].count : f->flows;
	double mbps = 0;

	for (size_t i = 0; i < e->n && i < f->flows; i++)
		mbps += e->row[i].mbps.value[e->row[i].mbps.n - 1] / (i < late ? 1 : 2);
	bench_samples_add(&line->mbps, mbps);
}

/* Adds the least and the greatest share of a flow, 1 is its due. All ran at the same time. */
static void fair_shares(struct fair_line *line, const struct bench_compare_entry *e,
			const struct fair *f)
{
	double sum = 0, least = 0, most = 0;

	for (size_t i = 0; i < e->n && i < f->flows; i++) {
		double x = e->row[i].mbps.value[e->row[i].mbps.n - 1] / f->due[i];

		sum += x;
		least = !i || x < least ? x : least;
		most = x > most ? x : most;
	}
	if (sum <= 0)
		return;
	bench_samples_add(&line->least, least / sum * (double)f->flows);
	bench_samples_add(&line->most, most / sum * (double)f->flows);
}

static void fair_after(struct bench_compare *c, struct bench_compare_entry *e, void *user)
{
	static const size_t merged[FAIR_LENGTHS] = { 1, 4, 20 };
	struct fair *f = user;
	struct fair_line *line = &f->line[e - c->entry];
	bool late = f->now->flows[1].late;

	fair_moved(line, e, f);
	if (!late)
		fair_shares(line, e, f);
	if (f->windows.failed || f->windows.jobs != f->flows)
		return;
	for (int i = 0; i < FAIR_LENGTHS && !late; i++)
		if (f->windows.n > merged[i] + 1)
			bench_samples_add(&line->jain[i],
					  bench_windows_worst(&f->windows, merged[i], f->due));
	if (late) {
		double windows =
			bench_windows_settled(&f->windows, f->flows - 1, 4, FAIR_LASTING, f->due);

		if (windows >= 0)
			bench_samples_add(&line->converge_ms,
					  windows * FAIR_WINDOW_NS / NSEC_PER_MSEC);
	}
}

static const char *fair_text(const struct bench_samples *s, int digits, char *buf, size_t size)
{
	return s->n ? bench_text_spread(s, digits, buf, size) : snprintf(buf, size, "-") ? buf : "";
}

static void fair_row(struct table *t, const struct bench_compare_entry *e,
		     const struct fair_line *line, bool late)
{
	char name[64], text[4][64], least[16] = "-", most[16] = "-", mbps[32], rounds[32];

	snprintf(name, sizeof(name), "%s%s", e->name, bench_compare_mark(e));
	snprintf(mbps, sizeof(mbps), "%.0f", bench_spread_of(&line->mbps).median);
	for (int i = 0; i < FAIR_LENGTHS; i++)
		fair_text(&line->jain[i], 3, text[i], sizeof(text[i]));
	fair_text(&line->converge_ms, 0, text[3], sizeof(text[3]));
	if (line->least.n)
		snprintf(least, sizeof(least), "%.2f", bench_spread_of(&line->least).median);
	if (line->most.n)
		snprintf(most, sizeof(most), "%.2f", bench_spread_of(&line->most).median);
	snprintf(rounds, sizeof(rounds), "%zu of %zu", line->converge_ms.n, e->runs);
	if (late)
		table_row(t, name, text[3], rounds, mbps);
	else
		table_row(t, name, text[0], text[1], text[2], least, most, mbps);
}

static int fair_print(const struct fair *f)
{
	bool late = f->now->flows[1].late;
	struct table t = { .columns = late ? "lrrr" : "lrrrrrr" };
	int err;

	printf("\n%s: %s\n", f->now->name, f->now->summary);
	if (late)
		table_row(&t, "", "ms until it has its share", "in rounds", "MB/s");
	else
		table_row(&t, "", "Jain 5 ms", "20 ms", "100 ms", "least", "most", "MB/s");
	for (size_t i = 0; i < f->compare.n; i++)
		if (f->compare.entry[i].runs || !*f->compare.entry[i].error)
			fair_row(&t, &f->compare.entry[i], &f->line[i], late);
	err = table_print(&t, 2, stdout);
	table_free(&t);
	return err ? report_error("out of memory") : 0;
}

static void fair_set(json_t *o, const char *name, const struct bench_samples *s)
{
	if (s->n)
		json_object_set_new(o, name, bench_json_spread(s));
}

static json_t *fair_json_case(const struct fair *f)
{
	json_t *entries = json_array();

	for (size_t i = 0; i < f->compare.n; i++) {
		const struct fair_line *line = &f->line[i];
		json_t *o = bench_compare_json(&f->compare.entry[i]);

		json_object_set_new(o, "mbps", bench_json_spread(&line->mbps));
		fair_set(o, "jain_5ms", &line->jain[0]);
		fair_set(o, "jain_20ms", &line->jain[1]);
		fair_set(o, "jain_100ms", &line->jain[2]);
		fair_set(o, "least_share", &line->least);
		fair_set(o, "most_share", &line->most);
		fair_set(o, "converge_ms", &line->converge_ms);
		if (f->now->flows[1].late)
			json_object_set_new(o, "converged_rounds",
					    json_integer((json_int_t)line->converge_ms.n));
		json_array_append_new(entries, o);
	}
	return json_pack("{s:s, s:s, s:I, s:o}", "name", f->now->name, "summary", f->now->summary,
			 "flows", (json_int_t)f->flows, "entries", entries);
}

/* Runs the case that is now, and reports it. */
static int fair_run_case(struct fair *f, const struct bench_names *scheds, uint64_t ns)
{
	struct sim_jobs jobs = { .count = 0 };
	int exit_code = fair_jobs(f->now->flows, ns, &jobs);

	memset(f->line, 0, sizeof(f->line));
	fair_set_due(f);
	for (size_t i = 0; i < scheds->n; i++)
		bench_compare_add(&f->compare, scheds->name[i], scheds->name[i], &jobs);
	if (!exit_code)
		exit_code = bench_compare_run(&f->compare);
	/* A case of which nothing is left does not take those before it along. */
	if (exit_code == REPORT_FAILED && f->compare.failed && f->measured)
		exit_code = 0;
	f->measured |= !exit_code;
	if (!exit_code && f->cases)
		json_array_append_new(f->cases, fair_json_case(f));
	else if (!exit_code)
		exit_code = fair_print(f);
	if (!exit_code && !f->cases)
		bench_compare_print_marks(&f->compare);
	bench_compare_free(&f->compare);
	sim_jobs_free(&jobs);
	return exit_code;
}

static bool fair_wants(const struct bench_names *cases, const char *name)
{
	for (size_t i = 0; i < cases->n; i++)
		if (!strcmp(cases->name[i], name))
			return true;
	return false;
}

/* Measures what the kinds of mixed cases move alone. */
static int fair_find_all(struct fair *f, const struct bench_names *cases, uint64_t ns)
{
	bool wants[FAIR_KINDS] = { false };
	int exit_code = 0;

	for (size_t i = 0; i < FAIR_CASES; i++)
		for (size_t k = 0; k < 5 && fair_cases[i].flows[k].count; k++)
			wants[fair_cases[i].flows[k].kind] |= fair_is_mixed(&fair_cases[i]) &&
							      fair_wants(cases, fair_cases[i].name);
	for (int kind = 0; kind < FAIR_KINDS && !exit_code; kind++) {
		f->full[kind] = 1;
		if (wants[kind])
			exit_code = fair_find_full(f, kind, ns);
	}
	return exit_code;
}

static int fair_measure(struct fair *f, const struct bench_names *scheds,
			const struct bench_names *cases)
{
	uint64_t ns = bench_compare_run_ns(&f->args->device, scheds->n * cases->n + 1);
	FILE *series = f->compare.series;
	struct bench_progress progress;
	int exit_code;

	f->compare.series = NULL; /* of what kinds move alone there is no series */
	exit_code = fair_find_all(f, cases, ns);
	f->compare.series = series;
	f->compare.series_whole = false;
	f->compare.window_ns = FAIR_WINDOW_NS;
	f->compare.window = bench_windows_add;
	f->compare.window_user = &f->windows;
	f->compare.before = fair_before;
	f->compare.after = fair_after;
	f->compare.user = f;
	f->compare.progress = &progress;
	bench_progress_begin(&progress, scheds->n * cases->n * f->args->device.rounds);
	for (size_t i = 0; i < FAIR_CASES && !exit_code && !bench_stopped; i++) {
		f->now = &fair_cases[i];
		if (fair_wants(cases, f->now->name))
			exit_code = fair_run_case(f, scheds, ns);
		bench_progress_end(&progress);
	}
	return exit_code;
}

static int fair_report(struct fair *f, const struct bench_names *scheds,
		       const struct bench_names *cases)
{
	char text[512];
	int exit_code;

	f->cases = f->args->device.json ? json_array() : NULL;
	if (!f->cases)
		printf("%s; least, most: the shares of flows; 1 is what is due of the drive's "
		       "time\n",
		       bench_device_text(f->compare.target, text, sizeof(text)));
	exit_code = fair_measure(f, scheds, cases);
	if (!exit_code && f->cases)
		exit_code = report_json(json_pack("{s:s, s:o, s:o, s:I, s:b, s:O}", "schema",
						  "weir.bench.fairness.v1", "machine",
						  bench_json_machine(), "device",
						  bench_device_json(f->compare.target), "rounds",
						  (json_int_t)f->args->device.rounds, "interrupted",
						  (int)bench_stopped, "cases", f->cases),
					0);
	json_decref(f->cases);
	bench_windows_free(&f->windows);
	return bench_compare_exit(&f->compare, exit_code);
}

/* Opens the series of F and measures all. Returns an exit code. */
static int fair_all(struct fair *f, const struct bench_names *scheds,
		    const struct bench_names *cases)
{
	const struct bench_device_args *args = &f->args->device;
	struct output series;
	int exit_code;

	exit_code = bench_series_begin(&f->compare, &series, args, scheds);
	if (exit_code)
		return exit_code;
	return bench_series_end(&f->compare, &series, fair_report(f, scheds, cases));
}

static int fair_run(void *arg, char **operands, int n)
{
	static struct fair f; /* the samples of all schedulers are large */
	const struct fair_args *args = arg;
	struct bench_target target = { .path = operands[0] };
	const char *words[FAIR_CASES + 1];
	struct bench_names scheds, cases;
	int exit_code = bench_read_scheds("compare", args->device.compare, &scheds);

	(void)n;
	for (size_t i = 0; i <= FAIR_CASES; i++)
		words[i] = i < FAIR_CASES ? fair_cases[i].name : NULL;
	if (!exit_code)
		exit_code = bench_read_words("cases", args->cases, words, &cases);
	if (!exit_code && args->device.series && cases.n > 1)
		exit_code = report_usage("--series takes one case: give --cases its name");
	if (exit_code)
		return exit_code;
	f.args = args;
	f.compare.args = &args->device;
	f.compare.target = &target;
	bench_catch_signals();
	exit_code = bench_device_open(&target, operands[0], fair_wants(&cases, "directions"),
				      &args->device);
	if (!exit_code)
		exit_code = bench_device_least(&target, 0);
	if (!exit_code)
		exit_code = fair_all(&f, &scheds, &cases);
	bench_device_close(&target);
	return tracing_end(exit_code);
}

const struct command command_bench_fairness = {
	.name = "bench fairness",
	.path = COMMAND_PATH,
	.operands = "PATH",
	.summary = "how evenly 2 to 64 programs share a drive",
	.text = "Runs flows beside one another on PATH, a file, a device or null, under each "
		"scheduler: 2, 8\n"
		"and 64 equal ones, weights 1:2:4:8, unequal sizes, reads beside writes, and one "
		"that joins.\n"
		"\"Jain\" is the worst of Jain's indices over all windows of a length; \"least\" "
		"and\n"
		"\"most\" are the shares of single flows, where 1 is what is due: for unequal "
		"flows, of the\n"
		"drive's time. For the one that joins, \"in rounds\" says in how many it got its "
		"share at\n"
		"all; the time is that of those rounds. The case directions writes, so a PATH that "
		"is not\n"
		"empty needs --force.\n",
	.examples = "weir bench fairness /mnt/new-file\n"
		    "weir bench fairness /mnt/file --cases 8,64,weights,sizes --compare none,pace\n"
		    "weir bench fairness /dev/nvme0n1 --force --time 5m --json\n"
		    "weir bench fairness /mnt/file --cases join -c pace --series s.csv\n",
	.options = fair_options,
	.min_operands = 1,
	.max_operands = 1,
	.args_size = sizeof(struct fair_args),
	.defaults = &fair_defaults,
	.run = fair_run,
};
