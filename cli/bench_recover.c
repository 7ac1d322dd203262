/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench_recover.c - `weir bench recover`: how long a store needs to open, and what of it is the
 * drive's time. The store is opened for writing, as a program does that starts.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <weir/store.h>

#include "base/parse.h"
#include "base/usage.h"
#include "cli/bench_device.h"
#include "cli/command.h"
#include "cli/meter.h"
#include "cli/report.h"

#define RECOVER_BATCH 256u

struct recover_args {
	const char *engine;
	uint64_t entries, value, segment_bytes, rounds;
	unsigned force, json;
	struct tracing tracing;
};

static const struct recover_args recover_defaults = {
	.entries = 262144,
	.value = 400,
	.rounds = 5,
};

static const struct opt recover_options[] = {
	{ .name = "entries",
	  .letter = 'n',
	  .type = OPT_NUMBER,
	  .offset = offsetof(struct recover_args, entries),
	  .arg = "N",
	  .min = 1,
	  .max = 1ull << 32,
	  .help = "entries of the store (default 262144)" },
	{ .name = "value",
	  .type = OPT_SIZE,
	  .offset = offsetof(struct recover_args, value),
	  .arg = "SIZE",
	  .min = 1,
	  .max = 1 << 20,
	  .help = "bytes of each value (default 400)" },
	{ .name = "segment-bytes",
	  .type = OPT_SIZE,
	  .offset = offsetof(struct recover_args, segment_bytes),
	  .arg = "SIZE",
	  .min = 1 << 16,
	  .max = 1ull << 30,
	  .help = "segments of the store (default: as weir format)" },
	{ .name = "rounds",
	  .type = OPT_NUMBER,
	  .offset = offsetof(struct recover_args, rounds),
	  .arg = "N",
	  .min = 1,
	  .max = BENCH_ROUNDS_MAX,
	  .help = "open it so often (default 5)" },
	BENCH_FORCE_OPTION(offsetof(struct recover_args, force)),
	{ .name = "engine",
	  .type = OPT_STRING,
	  .offset = offsetof(struct recover_args, engine),
	  .arg = "NAME",
	  .help = "how to do I/O: auto (default), uring, posix,\nuring_cmd" },
	TRACING_OPTIONS(offsetof(struct recover_args, tracing)),
	JSON_OPTION(offsetof(struct recover_args, json)),
	OPT_END,
};

/* The figures of all rounds. */
struct recover {
	const struct recover_args *args;
	const char *path;
	struct bench_samples seconds, cpu_seconds, reads, read_bytes, depth;
	uint64_t entries; /* that were found */
};

static int recover_open(struct weir_store **s, const struct recover *r)
{
	struct weir_store_opts opts = WEIR_STORE_OPTS_INIT;

	opts.attach = 1;
	opts.engine = r->args->engine;
	opts.trace = tracing_current();
	return weir_store_open(s, r->path, &opts);
}

/* Puts the entries from FIRST on, at most a batch. Returns their number or -errno. */
static int64_t recover_put(struct weir_store *s, const struct recover_args *a, uint64_t first,
			   char *value)
{
	struct weir_store_op ops[RECOVER_BATCH];
	uint64_t keys[RECOVER_BATCH];
	uint64_t n = a->entries - first < RECOVER_BATCH ? a->entries - first : RECOVER_BATCH;
	int err;

	memset(ops, 0, sizeof(ops));
	for (uint64_t i = 0; i < n; i++) {
		keys[i] = first + i;
		ops[i].key = &keys[i];
		ops[i].key_len = sizeof(keys[i]);
		ops[i].value = value;
		ops[i].value_len = a->value;
	}
	err = weir_store_put_many(s, ops, n);
	return err ? err : (int64_t)n;
}

/* Fills the store. Returns 0 or an exit code. */
static int recover_fill(const struct recover *r)
{
	char *value = calloc(1, r->args->value);
	struct weir_store *s = NULL;
	struct meter meter;
	int64_t put = 0;
	int err = value ? recover_open(&s, r) : -1;

	meter_begin(&meter, "filling the store");
	for (uint64_t at = 0; !err && put >= 0 && at < r->args->entries && !bench_stopped;
	     at += (uint64_t)put) {
		put = recover_put(s, r->args, at, value);
		meter_show(&meter, at * r->args->value, r->args->entries * r->args->value);
	}
	meter_clear(&meter);
	free(value);
	if (err || put < 0) {
		report_failed(r->path);
		weir_store_close(s);
		return REPORT_FAILED;
	}
	return weir_store_close(s) ? report_failed(r->path) : 0;
}

/* Adds what the open of S took. */
static int recover_collect(struct recover *r, struct weir_store *s, const struct usage *usage)
{
	struct weir_store_stats stats = WEIR_STORE_STATS_INIT;
	struct weir_op_stats reads = WEIR_OP_STATS_INIT;
	double seconds = (double)usage->wall_ns / 1e9;

	if (weir_queue_get_op_stats(weir_store_queue(s), WEIR_OP_READ, &reads) ||
	    weir_store_get_stats(s, &stats))
		return report_failed(r->path);
	r->entries = stats.entries;
	bench_samples_add(&r->seconds, seconds);
	bench_samples_add(&r->cpu_seconds, (double)usage->process_ns / 1e9);
	bench_samples_add(&r->reads, (double)reads.device.count);
	bench_samples_add(&r->read_bytes, (double)reads.bytes);
	bench_samples_add(&r->depth, seconds > 0 ? (double)reads.device.sum_ns / 1e9 / seconds : 0);
	return 0;
}

static int recover_round(struct recover *r)
{
	struct weir_store *s = NULL;
	struct usage usage;
	int exit_code;

	usage_begin(&usage);
	if (recover_open(&s, r))
		return report_failed(r->path);
	usage_end(&usage);
	exit_code = recover_collect(r, s, &usage);
	if (weir_store_close(s) && !exit_code)
		exit_code = report_failed(r->path);
	return exit_code;
}

static int recover_print(const struct recover *r)
{
	double seconds = bench_spread_of(&r->seconds).median;
	char text[2][64], bytes[32];

	printf("%s: %llu entries of %llu bytes\n", r->path, (unsigned long long)r->entries,
	       (unsigned long long)r->args->value);
	printf("open: %s s, of processor %s s: %.2f M entries a second\n",
	       bench_text_spread(&r->seconds, 3, text[0], sizeof(text[0])),
	       bench_text_spread(&r->cpu_seconds, 3, text[1], sizeof(text[1])),
	       seconds > 0 ? (double)r->entries / seconds / 1e6 : 0);
	printf("it made %.0f reads of %s together, %.1f at a time\n",
	       bench_spread_of(&r->reads).median,
	       format_size((uint64_t)bench_spread_of(&r->read_bytes).median, bytes, sizeof(bytes)),
	       bench_spread_of(&r->depth).median);
	return 0;
}

static int recover_json(const struct recover *r)
{
	return report_json(
		json_pack("{s:s, s:o, s:o, s:I, s:b, s:I, s:I, s:o, s:o, s:o, s:o, s:o}", "schema",
			  "weir.bench.recover.v1", "machine", bench_json_machine(), "path",
			  report_text(r->path), "rounds", (json_int_t)r->args->rounds,
			  "interrupted", (int)bench_stopped, "entries", (json_int_t)r->entries,
			  "value_bytes", (json_int_t)r->args->value, "seconds",
			  bench_json_spread(&r->seconds), "cpu_seconds",
			  bench_json_spread(&r->cpu_seconds), "reads", bench_json_spread(&r->reads),
			  "read_bytes", bench_json_spread(&r->read_bytes), "mean_depth",
			  bench_json_spread(&r->depth)),
		0);
}

static int recover_measure(struct recover *r)
{
	struct bench_progress progress;
	int exit_code = recover_fill(r);

	bench_progress_begin(&progress, r->args->rounds);
	for (uint64_t round = 0; round < r->args->rounds && !exit_code && !bench_stopped; round++) {
		bench_progress_next(&progress, "open");
		exit_code = recover_round(r);
	}
	bench_progress_end(&progress);
	if (exit_code || !r->seconds.n)
		return exit_code;
	return r->args->json ? recover_json(r) : recover_print(r);
}

/* A store of so many bytes has room for the entries, their keys and footers, with some to spare. */
static uint64_t recover_bytes(const struct recover_args *a)
{
	uint64_t each = (a->value + 64 + 511) / 512 * 512 + 64;

	return (64ull << 20) + a->entries * each * 5 / 4;
}

static int recover_run(void *arg, char **operands, int n)
{
	const struct recover_args *args = arg;
	struct recover r = { .args = args, .path = operands[0] };
	struct bench_store_file file;
	int exit_code = opening_check(&(struct opening){ .engine = args->engine });

	(void)n;
	if (exit_code)
		return exit_code;
	bench_catch_signals();
	exit_code = bench_tracing_begin(&args->tracing);
	if (exit_code)
		return exit_code;
	exit_code = bench_store_make(&file, operands[0], recover_bytes(args), args->segment_bytes,
				     args->force);
	if (!exit_code)
		exit_code = recover_measure(&r);
	bench_store_remove(&file);
	return tracing_end(!exit_code && bench_stopped ? REPORT_INTERRUPTED : exit_code);
}

const struct command command_bench_recover = {
	.name = "bench recover",
	.path = COMMAND_PATH,
	.operands = "PATH",
	.summary = "how long a store needs to open",
	.text = "Makes a store on PATH, a file or a device, fills it, and opens it again and "
		"again, "
		"as a\n"
		"program does that starts: what is on the device is read until each entry is known "
		"again.\n"
		"Says how long that took, what of it was the processor's time, and what was read. "
		"There is\n"
		"no mark: building the index is work of the processor, and where that time is near "
		"the whole,\n"
		"a faster drive would change nothing. A file that does not exist is made and "
		"removed; a PATH\n"
		"that contains something needs --force.\n",
	.examples = "weir bench recover /mnt/new-file\n"
		    "weir bench recover /dev/nvme0n1 --force --entries 10000000 --json\n"
		    "weir bench recover /mnt/new-file --value 128k --entries 4096\n"
		    "weir bench recover /mnt/new-file --rounds 1 --trace recover.pftrace\n",
	.options = recover_options,
	.min_operands = 1,
	.max_operands = 1,
	.args_size = sizeof(struct recover_args),
	.defaults = &recover_defaults,
	.run = recover_run,
};
