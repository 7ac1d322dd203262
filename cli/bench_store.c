/* SPDX-License-Identifier: Apache-2.0 */
/* bench_store.c - `weir bench store`: what a store moves, beside fio on the same file. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <weir/store.h>

#include "base/clock.h"
#include "base/parse.h"
#include "bench/fio.h"
#include "bench/puts.h"
#include "bench/raw_block.h"
#include "bench/target.h"
#include "bench/timeline.h"
#include "cli/bench_device.h"
#include "cli/bench_text.h"
#include "cli/command.h"
#include "cli/output.h"
#include "cli/report.h"
#include "cli/table.h"

/* What a value takes of the store besides its own bytes, at most. */
#define STORE_HEADER 128u
#define STORE_BLOCK 4096u
#define STORE_TABLES 512u

struct store_args {
	struct bench_device_args device; /* of these: size, rounds, force, engine, trace, json */
	uint64_t value, total, segment_bytes, depth, threads;
	unsigned without_fio;
	const char *raw_block;
};

static const struct store_args store_defaults = {
	.device = { .size = 1ull << 30, .rounds = 3 },
	.value = 128 << 10,
	.depth = 32,
	.threads = 1,
};

static const struct opt store_options[] = {
	{ .name = "value",
	  .type = OPT_SIZE,
	  .offset = offsetof(struct store_args, value),
	  .arg = "SIZE",
	  .min = 512,
	  .max = 64 << 20,
	  .help = "bytes of each value (default 128k)" },
	{ .name = "total",
	  .type = OPT_SIZE,
	  .offset = offsetof(struct store_args, total),
	  .arg = "SIZE",
	  .min = 512,
	  .max = 1ull << 50,
	  .help = "bytes of all values (default: a quarter of PATH, at most\n1GiB, and what "
		  "half of it holds)" },
	{ .name = "segment-bytes",
	  .type = OPT_SIZE,
	  .offset = offsetof(struct store_args, segment_bytes),
	  .arg = "SIZE",
	  .min = 1 << 16,
	  .max = 1ull << 30,
	  .help = "segments of the store (default: as weir format)" },
	{ .name = "depth",
	  .type = OPT_NUMBER,
	  .offset = offsetof(struct store_args, depth),
	  .arg = "N",
	  .min = 1,
	  .max = 1024,
	  .help = "operations of each thread under way (default 32)" },
	{ .name = "threads",
	  .type = OPT_NUMBER,
	  .offset = offsetof(struct store_args, threads),
	  .arg = "N",
	  .min = 1,
	  .max = 64,
	  .help = "threads (default 1, which owns the store's loop)" },
	{ .name = "without-fio",
	  .type = OPT_FLAG,
	  .offset = offsetof(struct store_args, without_fio),
	  .help = "measure without fio" },
	{ .name = "with-raw-block",
	  .type = OPT_STRING,
	  .offset = offsetof(struct store_args, raw_block),
	  .arg = "PYTHON",
	  .help = "measure LMCache's raw_block, too: the Python that has\nit, or auto to look for "
		  "one" },
	{ .name = "rounds",
	  .type = OPT_NUMBER,
	  .offset = offsetof(struct store_args, device.rounds),
	  .arg = "N",
	  .min = 1,
	  .max = BENCH_ROUNDS_MAX,
	  .help = "measure so often, in turn (default 3)" },
	{ .name = "series",
	  .type = OPT_STRING,
	  .offset = offsetof(struct store_args, device.series),
	  .arg = "FILE",
	  .file = OPT_WRITES_MORE,
	  .help = "write what puts and gets moved in each window of the\nfirst round, as CSV" },
	BENCH_SIZE_OPTION(offsetof(struct store_args, device.size), 16 << 20),
	BENCH_FORCE_OPTION(offsetof(struct store_args, device.force)),
	{ .name = "engine",
	  .type = OPT_STRING,
	  .offset = offsetof(struct store_args, device.engine),
	  .arg = "NAME",
	  .help = "how to do I/O: auto (default), uring, posix,\nuring_cmd" },
	TRACING_OPTIONS(offsetof(struct store_args, device.tracing)),
	JSON_OPTION(offsetof(struct store_args, device.json)),
	OPT_END,
};

/* The figures of one direction, one for each round. */
struct store_way {
	struct bench_samples mbps, p50, p99, cpu_per_gb, fio_mbps, to_fio;
	struct bench_samples raw_mbps, raw_cpu_per_gb, to_raw; /* of raw_block */
	/* In how many rounds the thread that submits was the bottleneck: of weir, and of fio. */
	size_t bound, fio_bound;
};

/* Whom a round measures, one after another. */
enum store_by { STORE_WEIR, STORE_FIO, STORE_RAW_BLOCK, STORE_BY };

struct store_bench {
	const struct store_args *args;
	struct output series; /* of the first round; no file: not wanted, or written */
	struct bench_target *target;
	struct bench_puts puts;
	struct sim_jobs jobs; /* the same for fio */
	bool direct, by[STORE_BY];
	char *python;  /* that has raw_block; NULL: it is not measured */
	char why[256]; /* why not, if it was wanted */
	/* What ended it, in words; the figures are those of the rounds before. */
	char error[512];
	uint64_t failed_round; /* counted from 1 */
	struct store_way put, get;
	struct bench_samples amplification, flushes, index_bytes;
};

/* fio writes all in order, with a flush at the end, and reads in random order. */
static int store_fio_jobs(struct store_bench *b)
{
	unsigned long long each = b->puts.count / (b->puts.threads ? b->puts.threads : 1);
	struct bench_text text;

	bench_text_begin(&text);
	bench_text_add(&text,
		       "[global]\nbs=%llu\niodepth=%u\nnumjobs=%u\nsize=%llu\n"
		       "offset_increment=%llu\n",
		       (unsigned long long)b->puts.value_bytes, b->puts.depth, b->puts.threads,
		       each * b->puts.value_bytes, each * b->puts.value_bytes);
	bench_text_add(&text, "[puts]\nrw=write\nfsync=%llu\n[gets]\nstonewall\nrw=randread\n",
		       each);
	return bench_text_jobs(&text, &b->jobs);
}

static void store_collect_way(struct store_way *w, const struct bench_puts_way *way)
{
	bench_samples_add(&w->mbps, way->mbps);
	bench_samples_add(&w->p50, (double)way->latency.p50_ns);
	bench_samples_add(&w->p99, (double)way->latency.p99_ns);
	bench_samples_add(&w->cpu_per_gb, way->cpu_per_gb);
	w->bound += way->bound;
}

/* Runs the puts and gets of a round. The first one has the windows of --series, which are given up
 * if it fails. Returns 0 or -errno. */
static int store_puts(struct store_bench *b, struct bench_puts_result *result)
{
	static const struct bench_timeline_way ways[] = { { "puts", true }, { "gets", false } };
	struct bench_puts puts = b->puts;
	int err = 0;

	if (b->series.file)
		err = bench_timeline_open(&puts.timeline, b->series.file, ways);
	if (!err)
		err = bench_puts_run(b->target->path, &puts, result);
	if (!b->series.file)
		return err;
	if (puts.timeline)
		bench_timeline_close(puts.timeline, clock_now());
	if (!err || bench_stopped)
		return output_close(&b->series);
	output_drop(&b->series);
	return err;
}

/* Makes an empty store and measures it once. Returns 0 or an exit code. */
static int store_round(struct store_bench *b)
{
	struct weir_store_format_opts opts = WEIR_STORE_FORMAT_OPTS_INIT;
	struct bench_puts_result result;
	int err;

	opts.force = 2; /* the user agreed, or the file is our own */
	opts.segment_bytes = b->args->segment_bytes;
	opts.max_value_bytes = opts.segment_bytes ? 0 : b->puts.value_bytes;
	err = weir_store_format(b->target->path, &opts);

	if (!err)
		err = store_puts(b, &result);
	if (bench_stopped) /* a round that was interrupted says nothing */
		return 0;
	if (err == -ENOENT)
		return report_error("%s: values were evicted before they were read: give a "
				    "%s, or a larger --size",
				    b->target->path,
				    b->args->total ? "smaller --total" : "--total");
	if (err)
		return report_failed(b->target->path);
	store_collect_way(&b->put, &result.put);
	store_collect_way(&b->get, &result.get);
	bench_samples_add(&b->amplification, result.write_amplification);
	bench_samples_add(&b->flushes, (double)result.flushes);
	bench_samples_add(&b->index_bytes, result.index_bytes);
	return 0;
}

static int store_fio_round(struct store_bench *b)
{
	struct bench_outcome out;
	double sum[SIM_DIRS] = { 0 };
	bool bound[SIM_DIRS] = { false };
	int err = bench_fio_run(&out, &b->jobs, b->target->path, b->direct);

	if (err)
		return bench_stopped ? 0 : report_error("%s", weir_error());
	for (size_t i = 0; i < out.n; i++) {
		sum[out.line[i].dir] += out.line[i].mbps;
		bound[out.line[i].dir] |= out.line[i].bound;
	}
	bench_outcome_free(&out);
	bench_samples_add(&b->put.fio_mbps, sum[SIM_WRITE]);
	bench_samples_add(&b->get.fio_mbps, sum[SIM_READ]);
	b->put.fio_bound += bound[SIM_WRITE];
	b->get.fio_bound += bound[SIM_READ];
	return 0;
}

static int store_raw_block_round(struct store_bench *b)
{
	struct bench_puts_way put, get;

	if (bench_raw_block_run(b->python, b->target->path, b->direct, &b->puts, &put, &get))
		return bench_stopped ? 0 : report_error("%s", weir_error());
	bench_samples_add(&b->put.raw_mbps, put.mbps);
	bench_samples_add(&b->put.raw_cpu_per_gb, put.cpu_per_gb);
	bench_samples_add(&b->get.raw_mbps, get.mbps);
	bench_samples_add(&b->get.raw_cpu_per_gb, get.cpu_per_gb);
	return 0;
}

/* Adds to RATIO what weir moved in each round, in parts of what THEIRS moved. */
static void store_divide(struct bench_samples *ratio, const struct bench_samples *ours,
			 const struct bench_samples *theirs)
{
	for (size_t r = 0; r < ours->n && r < theirs->n; r++)
		if (theirs->value[r] > 0)
			bench_samples_add(ratio, ours->value[r] / theirs->value[r]);
}

static int store_turn(struct store_bench *b, enum store_by by)
{
	if (by == STORE_WEIR)
		return store_round(b);
	return by == STORE_FIO ? store_fio_round(b) : store_raw_block_round(b);
}

/* Measures all rounds; who is first changes. */
static int store_measure(struct store_bench *b)
{
	static const char *const names[] = { "weir", "fio", "raw_block" };
	uint64_t rounds = b->args->device.rounds, all = 0;
	struct bench_progress progress;
	int exit_code = b->by[STORE_FIO] ? store_fio_jobs(b) : 0;

	for (int by = 0; by < STORE_BY; by++)
		all += b->by[by];
	bench_progress_begin(&progress, rounds * all);
	for (uint64_t turn = 0; turn < STORE_BY * rounds && !exit_code && !bench_stopped; turn++) {
		enum store_by by = (enum store_by)((turn + turn / STORE_BY) % STORE_BY);

		if (!b->by[by])
			continue;
		bench_progress_next(&progress, names[by]);
		exit_code = store_turn(b, by);
		if (!exit_code)
			continue;
		snprintf(b->error, sizeof(b->error), "%s: %s", names[by], weir_error());
		b->failed_round = turn / STORE_BY + 1;
	}
	bench_progress_end(&progress);
	for (struct store_way *w = &b->put; w; w = w == &b->put ? &b->get : NULL) {
		store_divide(&w->to_fio, &w->mbps, &w->fio_mbps);
		store_divide(&w->to_raw, &w->mbps, &w->raw_mbps);
	}
	sim_jobs_free(&b->jobs);
	return exit_code;
}

/* Says whether the figures of N rounds get a mark: BOUND of them show the processor. */
static bool store_is_bound(size_t bound, const struct bench_samples *s)
{
	return s->n && 2 * bound >= s->n;
}

static void store_row(struct table *t, const char *name, const struct store_way *w)
{
	char marked[16], mbps[64], cpu[64], times[2][32];

	snprintf(marked, sizeof(marked), "%s%s", name,
		 store_is_bound(w->bound, &w->mbps) ? "*" : "");
	table_row(
		t, marked, bench_text_spread(&w->mbps, 0, mbps, sizeof(mbps)),
		format_time((uint64_t)bench_spread_of(&w->p50).median, times[0], sizeof(times[0])),
		format_time((uint64_t)bench_spread_of(&w->p99).median, times[1], sizeof(times[1])),
		bench_text_spread(&w->cpu_per_gb, 2, cpu, sizeof(cpu)));
}

/* What another one moves, and what weir moves in parts of it; nothing if it was not measured. */
static void store_beside(struct table *t, const char *who, const char *way,
			 const struct bench_samples *mbps, const struct bench_samples *to)
{
	char text[2][64];

	if (to->n)
		table_row(t, who, way, bench_text_spread(mbps, 0, text[0], sizeof(text[0])),
			  bench_text_spread(to, 2, text[1], sizeof(text[1])));
}

static const char *store_fio(const struct store_way *w)
{
	return store_is_bound(w->fio_bound, &w->fio_mbps) ? "fio*" : "fio";
}

/* Prints what the marks mean, if there is one. */
static void store_print_marks(const struct store_bench *b)
{
	bool marked = false;

	for (const struct store_way *w = &b->put; w; w = w == &b->put ? &b->get : NULL)
		marked |= store_is_bound(w->bound, &w->mbps) ||
			  store_is_bound(w->fio_bound, &w->fio_mbps);
	if (marked)
		printf("\n* the thread that submits was busy all the time: these figures show\n"
		       "  the processor, and the drive had room\n");
}

/* Prints the tables: one would be wider than a terminal. Returns 0 or -ENOMEM. */
static int store_tables(const struct store_bench *b)
{
	struct table t = { .columns = "lrrrr" }, beside = { .columns = "llrr" };
	int err;

	table_row(&t, "", "MB/s (range)", "p50", "p99", "CPU s/GB");
	store_row(&t, "puts", &b->put);
	store_row(&t, "gets", &b->get);
	err = table_print(&t, 0, stdout);
	table_free(&t);
	if (err || (!b->by[STORE_FIO] && !b->by[STORE_RAW_BLOCK]))
		return err;
	table_row(&beside, "beside", "", "MB/s (range)", "weir to it");
	store_beside(&beside, store_fio(&b->put), "writes", &b->put.fio_mbps, &b->put.to_fio);
	store_beside(&beside, store_fio(&b->get), "reads", &b->get.fio_mbps, &b->get.to_fio);
	store_beside(&beside, "raw_block", "puts", &b->put.raw_mbps, &b->put.to_raw);
	store_beside(&beside, "raw_block", "gets", &b->get.raw_mbps, &b->get.to_raw);
	putchar('\n');
	err = table_print(&beside, 0, stdout);
	table_free(&beside);
	return err;
}

static int store_print(const struct store_bench *b)
{
	char value[32];
	int err;

	printf("%s: %llu values of %s, %u x %u under way\n\n", b->target->path,
	       (unsigned long long)b->puts.count,
	       format_size(b->puts.value_bytes, value, sizeof(value)), b->puts.threads,
	       b->puts.depth);
	err = store_tables(b);
	printf("\nwritten to the device for each byte put: %.3f, with %.0f flushes\n",
	       bench_spread_of(&b->amplification).median, bench_spread_of(&b->flushes).median);
	if (*b->error)
		printf("\nit failed in round %llu of %llu:\n  %s\n",
		       (unsigned long long)b->failed_round,
		       (unsigned long long)b->args->device.rounds, b->error);
	store_print_marks(b);
	return err ? report_error("out of memory") : 0;
}

static json_t *store_json_way(const struct store_way *w, bool one_thread)
{
	json_t *o = json_pack("{s:o, s:o, s:o, s:o}", "mbps", bench_json_spread(&w->mbps), "p50_ns",
			      bench_json_spread(&w->p50), "p99_ns", bench_json_spread(&w->p99),
			      "cpu_s_per_gb", bench_json_spread(&w->cpu_per_gb));

	if (o && one_thread)
		json_object_set_new(o, "submitter_bound",
				    json_boolean(store_is_bound(w->bound, &w->mbps)));
	if (o && w->to_fio.n) {
		json_object_set_new(o, "fio_mbps", bench_json_spread(&w->fio_mbps));
		json_object_set_new(o, "to_fio", bench_json_spread(&w->to_fio));
		json_object_set_new(o, "fio_bound",
				    json_boolean(store_is_bound(w->fio_bound, &w->fio_mbps)));
	}
	if (o && w->to_raw.n) {
		json_object_set_new(o, "raw_block_mbps", bench_json_spread(&w->raw_mbps));
		json_object_set_new(o, "raw_block_cpu_s_per_gb",
				    bench_json_spread(&w->raw_cpu_per_gb));
		json_object_set_new(o, "to_raw_block", bench_json_spread(&w->to_raw));
	}
	return o;
}

static int store_report(const struct store_bench *b)
{
	if (!b->put.mbps.n)
		return 0;
	if (!b->args->device.json)
		return store_print(b);
	return report_json(
		json_pack(
			"{s:s, s:o, s:o, s:I, s:b, s:I, s:I, s:I, s:I, s:o, s:o, s:o, s:o, s:o, "
			"s:s*, s:o*}",
			"schema", "weir.bench.store.v1", "machine", bench_json_machine(), "path",
			report_text(b->target->path), "rounds", (json_int_t)b->args->device.rounds,
			"interrupted", (int)bench_stopped, "value_bytes",
			(json_int_t)b->puts.value_bytes, "values", (json_int_t)b->puts.count,
			"threads", (json_int_t)b->puts.threads, "depth", (json_int_t)b->puts.depth,
			"puts", store_json_way(&b->put, b->puts.threads == 1), "gets",
			store_json_way(&b->get, b->puts.threads == 1), "write_amplification",
			bench_json_spread(&b->amplification), "flushes",
			bench_json_spread(&b->flushes), "index_bytes_per_entry",
			bench_json_spread(&b->index_bytes), "raw_block_why",
			*b->why ? b->why : NULL, "error", *b->error ? report_text(b->error) : NULL),
		0);
}

/* Measures, and reports what was measured though something failed. Returns 0 or an exit code. */
static int store_all(struct store_bench *b)
{
	int exit_code, reported;

	if (b->args->device.series && output_open(&b->series, b->args->device.series) < 0)
		return report_error("%s", weir_error());
	exit_code = store_measure(b);
	if (b->series.file)
		output_drop(&b->series);
	reported = store_report(b);
	return exit_code ? exit_code : reported;
}

/* Returns how many values of VALUE bytes lie in BYTES of a store, if each is on the device by
 * itself: with its header in whole blocks, and its part of tables. */
static uint64_t store_holds(uint64_t bytes, uint64_t value)
{
	uint64_t blocks = (value + STORE_HEADER + STORE_BLOCK - 1) / STORE_BLOCK * STORE_BLOCK;

	return bytes / (blocks + STORE_TABLES);
}

/* Decides what is put on the device that is open. Returns 0 or an exit code. */
static int store_plan(struct store_bench *b)
{
	const struct weir_device_info *info = weir_device_get_info(b->target->dev);
	const struct store_args *a = b->args;
	uint64_t part = info->capacity_bytes / 4, total = a->total;
	char has[32], value[32];

	if (info->kind == WEIR_DEVICE_NULL)
		return report_usage("%s: a null device keeps no store: give a file or a device",
				    b->target->path);
	if (!total)
		total = part < 1ull << 30 ? part : 1ull << 30;
	b->direct = info->direct;
	b->puts = (struct bench_puts){ .engine = a->device.engine,
				       .value_bytes = a->value,
				       .depth = (uint32_t)a->depth,
				       .threads = (uint32_t)a->threads,
				       .trace = tracing_current(),
				       .stop = &bench_stopped };
	b->puts.count = total / a->value;
	if (!a->total && b->puts.count > store_holds(info->capacity_bytes / 2, a->value))
		b->puts.count = store_holds(info->capacity_bytes / 2, a->value);
	b->puts.count = b->puts.count / a->threads * a->threads;
	if (b->puts.count)
		return 0;
	if (a->total)
		return report_usage("--total: not one value for each thread");
	return report_error("%s: %s is too small: a quarter of it holds not one value of %s for "
			    "each thread",
			    b->target->path, format_size(info->capacity_bytes, has, sizeof(has)),
			    format_size(a->value, value, sizeof(value)));
}

/* Looks for raw_block, if it is wanted. Where it is not found, the bench goes on and says why,
 * unless the user has named the Python. Returns 0 or an exit code. */
static int store_find_raw_block(struct store_bench *b)
{
	const char *given = b->args->raw_block;

	if (!given)
		return 0;
	b->by[STORE_RAW_BLOCK] = !bench_raw_block_find(&b->python, given);
	if (b->by[STORE_RAW_BLOCK])
		return 0;
	if (strcmp(given, "auto") != 0)
		return report_usage("--with-raw-block: %s", weir_error());
	snprintf(b->why, sizeof(b->why), "no Python has LMCache's extension raw_block: %s",
		 weir_error());
	report_note("raw_block is not measured: %s", b->why);
	return 0;
}

/* Checks the options, and looks for fio, if it is wanted: a mistake in the command is told on each
 * machine. Returns 0 or an exit code. */
static int store_check(const struct store_args *args)
{
	int exit_code;

	if (args->raw_block && !*args->raw_block)
		return report_usage("--with-raw-block: name a Python that has it, or auto");
	exit_code = bench_device_check(&args->device);
	if (!exit_code && !args->without_fio && bench_fio_find())
		exit_code = report_error("%s: --without-fio measures without it", weir_error());
	return exit_code;
}

static int store_run(void *arg, char **operands, int n)
{
	const struct store_args *args = arg;
	struct bench_target target = { .path = operands[0] };
	struct store_bench b = { .args = args,
				 .target = &target,
				 .by = { [STORE_WEIR] = true, [STORE_FIO] = !args->without_fio } };
	int exit_code;

	(void)n;
	bench_catch_signals();
	exit_code = store_check(args);
	if (exit_code)
		return exit_code;
	exit_code = bench_device_open(&target, operands[0], true, &args->device);
	if (exit_code)
		return tracing_end(exit_code);
	exit_code = store_plan(&b);
	/* The store takes the lock of the device itself. */
	weir_device_close(target.dev);
	target.dev = NULL;
	if (!exit_code)
		exit_code = store_find_raw_block(&b);
	if (!exit_code)
		exit_code = store_all(&b);
	bench_device_close(&target);
	free(b.python);
	return tracing_end(!exit_code && bench_stopped ? REPORT_INTERRUPTED : exit_code);
}

const struct command command_bench_store = {
	.name = "bench store",
	.path = COMMAND_PATH,
	.operands = "PATH",
	.summary = "what a store moves, beside fio on the same file",
	.text = "Makes a store on PATH, a file or a block device, puts values into it and gets "
		"them "
		"in random\n"
		"order, several under way at a time; the puts end with a sync, which counts. fio "
		"does the\n"
		"same without a store, with its io_uring engine: writes in order with a flush at "
		"the end,\n"
		"then random reads. With --with-raw-block, LMCache's raw_block writes and reads "
		"the "
		"values, too,\n"
		"without headers or an index. Who is first changes from round to round. A file "
		"that "
		"does not\n"
		"exist is made and removed; a PATH that contains something needs --force. With one "
		"thread,\n"
		"what was bound by it is marked; the thread of a store that serves several is not "
		"watched.\n",
	.examples = "weir bench store /mnt/new-file\n"
		    "weir bench store /mnt/new-file --value 1m --depth 8 --rounds 5\n"
		    "weir bench store /mnt/new-file --with-raw-block auto\n"
		    "weir bench store /dev/nvme0n1 --force --threads 4 --without-fio --json\n"
		    "weir bench store /mnt/new-file --total 64m --without-fio --trace "
		    "store.pftrace\n",
	.options = store_options,
	.min_operands = 1,
	.max_operands = 1,
	.args_size = sizeof(struct store_args),
	.defaults = &store_defaults,
	.run = store_run,
};
