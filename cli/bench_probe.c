/* SPDX-License-Identifier: Apache-2.0 */
/* bench_probe.c - `weir bench probe`: what a drive is made of, for `weir sim --fit`. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/parse.h"
#include "cli/bench_device.h"
#include "cli/command.h"
#include "cli/probes_json.h"
#include "cli/report.h"

/* Parts of a drive are probed on their own, so they must not be too small. */
#define PROBE_LEAST (64ull << 20)
/* The flood gets at most this part of the time. */
#define PROBE_FLOOD_PART 0.4
/* The flood shows nothing before its eighth point. */
#define PROBE_POINTS_LEAST 8
/* Reads and writes run twice as long as others: the first half is not counted. */
#define PROBE_RUNS (PROBES + 4)

struct probe_args {
	const char *engine;
	uint64_t size, time_ns;
	unsigned force, json;
	struct tracing tracing;
};

static const struct probe_args probe_defaults = { .size = 1ull << 30,
						  .time_ns = 30 * NSEC_PER_SEC };

static const struct opt probe_options[] = {
	{ .name = "time",
	  .letter = 't',
	  .type = OPT_TIME,
	  .offset = offsetof(struct probe_args, time_ns),
	  .arg = "TIME",
	  .min = NSEC_PER_SEC,
	  .max = 3600 * NSEC_PER_SEC,
	  .help = "how long all of it takes, about (default 30s)" },
	BENCH_SIZE_OPTION(offsetof(struct probe_args, size), PROBE_LEAST),
	BENCH_FORCE_OPTION(offsetof(struct probe_args, force)),
	{ .name = "engine",
	  .type = OPT_STRING,
	  .offset = offsetof(struct probe_args, engine),
	  .arg = "NAME",
	  .help = "how to do I/O: auto (default), uring, posix,\nuring_cmd, null" },
	TRACING_OPTIONS(offsetof(struct probe_args, tracing)),
	JSON_OPTION(offsetof(struct probe_args, json)),
	OPT_END,
};

static void probe_next(void *user, const char *name)
{
	bench_progress_next(user, name);
}

/* Runs the probes on T. Returns 0 or an exit code. */
static int probe_measure(const struct bench_target *t, const struct probe_args *args,
			 struct probe_set *set)
{
	struct sim_run_opts run = { .device = t->dev,
				    .engine = args->engine,
				    .seed = 1,
				    .stop = &bench_stopped,
				    .trace = tracing_current() };
	struct bench_progress progress;
	struct probes_opts opts = { .run = &run, .progress = probe_next, .user = &progress };
	size_t points = probe_points((uint64_t)((double)args->time_ns * PROBE_FLOOD_PART));
	int err;

	if (points < PROBE_POINTS_LEAST)
		points = PROBE_POINTS_LEAST;
	opts.flood_ns = probe_point_ns(points - 1);
	opts.runtime_ns = args->time_ns > 2 * opts.flood_ns ? args->time_ns - opts.flood_ns
							    : args->time_ns / 2;
	opts.runtime_ns /= PROBE_RUNS;
	bench_progress_begin(&progress, PROBES);
	err = probes_run(set, &opts);
	bench_progress_end(&progress);
	if (err == -EINTR)
		return REPORT_INTERRUPTED;
	return err ? report_error("%s: %s", t->path, weir_error()) : 0;
}

static int probe_report(const struct bench_target *t, const struct probe_set *set, bool json)
{
	struct probes_report report = { t->path, false, set };

	if (set->bound)
		report_note(
			"the thread that submits was busy all the time in a probe: it shows the "
			"processor, not the drive");
	return json ? report_json(probes_json(&report), 0) : probes_json_print(&report);
}

static int probe_command(void *arg, char **operands, int n)
{
	const struct probe_args *args = arg;
	struct bench_device_args device = { .engine = args->engine,
					    .size = args->size,
					    .force = args->force,
					    .tracing = args->tracing };
	struct bench_target target = { .path = operands[0] };
	struct probe_set *set = calloc(1, sizeof(*set));
	int exit_code;

	(void)n;
	if (!set)
		return report_error("out of memory");
	bench_catch_signals();
	exit_code = bench_device_open(&target, operands[0], true, &device);
	if (!exit_code)
		exit_code = bench_device_least(&target, PROBE_LEAST);
	if (!exit_code)
		exit_code = probe_measure(&target, args, set);
	if (!exit_code)
		exit_code = probe_report(&target, set, args->json);
	bench_device_close(&target);
	free(set);
	return tracing_end(exit_code);
}

const struct command command_bench_probe = {
	.name = "bench probe",
	.path = COMMAND_PATH,
	.operands = "PATH",
	.summary = "what a drive is made of, for weir sim --fit",
	.text = "Runs short probes on PATH, a file, a device or null: reads of several sizes and "
		"depths,\n"
		"near each other and everywhere; single writes; flushes; reads beside writes; and "
		"at last a\n"
		"flood of writes, which shows how much a cache takes and what the flash can do. "
		"`weir sim\n"
		"--fit` makes the model of a drive of them, so that schedulers can be tried on it. "
		"PATH is\n"
		"overwritten, so one that is not empty needs --force. Let a drive rest before: a "
		"cache that\n"
		"is full already shows nothing. A drive whose fast part is large needs more "
		"--time.\n",
	.examples = "weir bench probe /mnt/new-file --size 8g\n"
		    "weir bench probe /mnt/new-file --json > probes.json\n"
		    "weir bench probe /dev/nvme0n1 --force --time 5m --json > probes.json\n"
		    "weir sim --fit probes.json --output mine.ini\n",
	.options = probe_options,
	.min_operands = 1,
	.max_operands = 1,
	.args_size = sizeof(struct probe_args),
	.defaults = &probe_defaults,
	.run = probe_command,
};
