/* SPDX-License-Identifier: Apache-2.0 */
/* bench_isolation.c - `weir bench isolation`: the suite of `weir sim --suite` on a real drive. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <weir/base.h>

#include "bench/suites.h"
#include "cli/bench_device.h"
#include "cli/command.h"
#include "cli/line.h"
#include "cli/output.h"
#include "cli/report.h"
#include "cli/suite_report.h"

/* A scheduler takes about so many runs, and the base that they refer to as well, counted in the
 * length of most of them; and a second of reads and writes before the case of sizes. */
#define ISOLATION_RUNS 20.0
#define ISOLATION_BASE 22.0
#define ISOLATION_LEAST_NS (20 * NSEC_PER_MSEC)

struct isolation_args {
	struct bench_device_args device;
	const char *series_case;
};

struct isolation {
	const struct bench_device_args *args;
	struct output series; /* of the first round; no file: not wanted, or written */
	int series_case;
	const struct bench_names *scheds;
	struct bench_target *target;
	struct suite_result *result; /* one for each round */
	size_t n;
	uint64_t runtime_ns;
};

static const struct isolation_args isolation_defaults = {
	.device = { .compare = BENCH_COMPARED,
		    .size = 1ull << 30,
		    .time_ns = 50 * NSEC_PER_SEC,
		    .rounds = 1 },
};

static const struct opt isolation_options[] = {
	BENCH_DEVICE_OPTIONS_OF(offsetof(struct isolation_args, device), "50s", "1"),
	BENCH_SERIES_OPTION(offsetof(struct isolation_args, device)),
	{ .name = "series-case",
	  .type = OPT_STRING,
	  .offset = offsetof(struct isolation_args, series_case),
	  .arg = "NAME",
	  .help = "--series: the case that it is of (default writes; of\ntenants, 32 of them)" },
	OPT_END,
};

static uint64_t isolation_runtime(const struct isolation *s)
{
	double scheds = (double)s->scheds->n, runs = ISOLATION_RUNS * scheds + ISOLATION_BASE;
	double left = (double)s->args->time_ns / (double)s->args->rounds - scheds * NSEC_PER_SEC;

	return left / runs > ISOLATION_LEAST_NS ? (uint64_t)(left / runs) : ISOLATION_LEAST_NS;
}

static struct suite_report isolation_report(const struct isolation *s,
					    const struct suite_result *result, uint64_t seed)
{
	return (struct suite_report){ s->target->path, seed, s->runtime_ns, result };
}

static int isolation_print(const struct isolation *s)
{
	struct suite_result *medians = malloc(sizeof(*medians));
	struct suite_report report = isolation_report(s, medians, 1);
	int exit_code;

	if (!medians)
		return report_error("out of memory");
	bench_suites_median(medians, s->result, s->n);
	exit_code = suite_report_print(&report);
	if (!exit_code && s->n > 1)
		printf("\nThe figures are medians of %zu rounds.\n", s->n);
	free(medians);
	return exit_code;
}

/* Prints a line of JSON for each round, or a table. */
static int isolation_show(const struct isolation *s)
{
	int exit_code = 0;

	if (!s->n)
		return 0;
	if (!s->args->json)
		return isolation_print(s);
	for (size_t i = 0; i < s->n && !exit_code; i++) {
		struct suite_report report = isolation_report(s, &s->result[i], i + 1);

		exit_code = report_json(suite_report_json(&report), s->args->rounds > 1);
	}
	return exit_code;
}

/* Runs the suite once. Returns 0 or -errno; schedulers that were asked before have their rows. */
static int isolation_round(struct isolation *s, uint64_t seed)
{
	struct sim_run_opts run = { .device = s->target->dev,
				    .engine = s->args->engine,
				    .seed = seed,
				    .depth = s->args->depth,
				    .depth_bytes = s->args->depth_bytes,
				    .stop = &bench_stopped,
				    .trace = tracing_current() };
	struct suite_opts opts = { .run = &run,
				   .schedulers = s->scheds->name,
				   .nr_schedulers = s->scheds->n,
				   .series = s->series.file,
				   .series_case = s->series_case,
				   .runtime_ns = s->runtime_ns,
				   .progress =
					   isatty(STDERR_FILENO) ? suite_report_progress : NULL };
	int err = suite_run(&s->result[s->n], &opts), closed = 0;

	if (opts.progress)
		line_clear();
	if (s->series.file && (!err || s->result[s->n].series_whole))
		closed = output_close(&s->series);
	else if (s->series.file)
		output_drop(&s->series);
	s->n += !err || s->result[s->n].rows;
	return err ? err : closed;
}

static int isolation_measure(struct isolation *s)
{
	int err = 0, failed = 0, exit_code;

	s->runtime_ns = isolation_runtime(s);
	s->result = calloc(s->args->rounds + 1, sizeof(*s->result));
	if (!s->result)
		return report_error("out of memory");
	for (uint64_t round = 0; round < s->args->rounds && !err && !bench_stopped; round++)
		err = isolation_round(s, round + 1);
	if (err && !bench_stopped)
		failed = report_error("%s: %s", s->target->path, weir_error());
	exit_code = isolation_show(s);
	return exit_code ? exit_code : failed;
}

/* Finds the case of the series, and checks its options. Returns 0 or an exit code. */
static int isolation_check(struct isolation *s, const struct isolation_args *args)
{
	const char *words[SUITE_CASES + 1] = { NULL };
	struct bench_names names;
	int exit_code;

	if (args->series_case && !args->device.series)
		return report_usage("--series-case needs --series FILE");
	for (int i = 0; i < SUITE_CASES; i++)
		words[i] = suite_cases[i].name;
	exit_code = bench_read_words(
		"series-case", args->series_case ? args->series_case : "writes", words, &names);
	if (exit_code)
		return exit_code;
	if (names.n > 1)
		return report_usage("--series-case: one case only");
	while (strcmp(words[s->series_case], names.name[0]) != 0)
		s->series_case++;
	if (args->device.series && s->scheds->n > 1)
		return report_usage("--series takes one scheduler: give --compare its name");
	return 0;
}

/* Measures all, with the series. Returns an exit code. */
static int isolation_all(struct isolation *s)
{
	int exit_code;

	if (s->args->series && output_open(&s->series, s->args->series) < 0)
		return report_error("%s", weir_error());
	exit_code = isolation_measure(s);
	if (s->series.file)
		output_drop(&s->series);
	return exit_code;
}

static int isolation_run(void *arg, char **operands, int n)
{
	const struct isolation_args *all = arg;
	const struct bench_device_args *args = &all->device;
	struct bench_target target = { .path = operands[0] };
	struct bench_names scheds;
	struct isolation s = { .args = args, .scheds = &scheds, .target = &target };
	int exit_code = bench_read_scheds("compare", args->compare, &scheds);

	(void)n;
	if (!exit_code)
		exit_code = isolation_check(&s, all);
	if (exit_code)
		return exit_code;
	bench_catch_signals();
	exit_code = bench_device_open(&target, operands[0], true, args);
	if (!exit_code)
		exit_code = bench_device_least(&target, 0);
	if (!exit_code)
		exit_code = isolation_all(&s);
	bench_device_close(&target);
	exit_code = tracing_end(exit_code);
	free(s.result);
	return !exit_code && bench_stopped ? REPORT_INTERRUPTED : exit_code;
}

const struct command command_bench_isolation = {
	.name = "bench isolation",
	.path = COMMAND_PATH,
	.operands = "PATH",
	.summary = "seven cases of how well schedulers keep submitters apart",
	.text = "Runs the suite of `weir sim --suite isolation` on PATH, a file, a device or null: "
		"a reader\n"
		"below saturation, 2 to 32 tenants, unequal demand, weights, sizes, a flood of "
		"writes, and\n"
		"bursts, for each scheduler; all figures are ratios, side by side in one table. "
		"With\n"
		"several --rounds the table has medians, and --json a line for each round. PATH "
		"is\n"
		"overwritten, so one that is not empty needs --force. The default --time is 50s, "
		"--rounds 1.\n",
	.examples =
		"weir bench isolation /mnt/new-file --size 4g\n"
		"weir bench isolation /dev/nvme0n1 --force --compare none,pace --time 5m\n"
		"weir bench isolation /mnt/new-file --rounds 3 --time 3m --json\n"
		"weir bench isolation /mnt/new-file -c pace --series s.csv --series-case bursts\n",
	.options = isolation_options,
	.min_operands = 1,
	.max_operands = 1,
	.args_size = sizeof(struct isolation_args),
	.defaults = &isolation_defaults,
	.run = isolation_run,
};
