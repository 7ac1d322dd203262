/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench_tails.c - `weir bench tails`: how long reads take beside a flood of writes. The measure is
 * the floor: what reads take if the flood never fills the drive's write cache, since what waits
 * inside the drive nobody can reorder.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/parse.h"
#include "cli/bench_compare.h"
#include "cli/bench_text.h"
#include "cli/command.h"
#include "cli/report.h"
#include "cli/table.h"

/* The floor's flood is paced to this much of what the drive writes alone, in pieces of this. */
#define TAILS_PACED 0.98
#define TAILS_PIECE (128u << 10)
/* The reader asks for this part of what it could read alone, so that it is no flood itself. */
#define TAILS_READS 0.1
/* The first part of each run is not counted: the drive's cache fills. */
#define TAILS_RAMP 0.2

struct tails_args {
	struct bench_device_args device;
	uint64_t read_size, read_depth, read_rate, writers, write_size, write_depth;
};

static const struct tails_args tails_defaults = {
	.device = BENCH_DEVICE_DEFAULTS,
	.read_size = 128 << 10,
	.read_depth = 8,
	.writers = 1,
	.write_size = 1 << 20,
	.write_depth = 64,
};

#define TAILS_SIZE(key, field, text)                                                               \
	{                                                                                          \
		.name = key, .type = OPT_SIZE, .offset = offsetof(struct tails_args, field),       \
		.arg = "SIZE", .min = 512, .max = 64 << 20, .help = text                           \
	}
#define TAILS_NUMBER(key, field, most, text)                                                       \
	{                                                                                          \
		.name = key, .type = OPT_NUMBER, .offset = offsetof(struct tails_args, field),     \
		.arg = "N", .min = 1, .max = most, .help = text                                    \
	}

static const struct opt tails_options[] = {
	TAILS_SIZE("read-size", read_size, "bytes of a read (default 128k)"),
	TAILS_NUMBER("read-depth", read_depth, 1024, "reads outstanding (default 8)"),
	TAILS_NUMBER("read-rate", read_rate, 1 << 30,
		     "reads a second (default: a tenth of what it reads\nalone)"),
	TAILS_NUMBER("writers", writers, 64, "programs that write (default 1)"),
	TAILS_SIZE("write-size", write_size, "bytes of a write (default 1m)"),
	TAILS_NUMBER("write-depth", write_depth, 1024,
		     "writes of each that are outstanding (default 64)"),
	BENCH_SERIES_OPTION(offsetof(struct tails_args, device)),
	BENCH_DEVICE_OPTIONS(offsetof(struct tails_args, device)),
	OPT_END,
};

enum { TAILS_ALONE, TAILS_FLOOD, TAILS_FLOOR, TAILS_FIRST };

struct tails {
	const struct tails_args *args;
	struct bench_compare compare;
	struct sim_jobs jobs[TAILS_FIRST], both; /* of the first entries, and of all others */
	uint64_t read_rate;
	struct bench_samples drain; /* what the flood writes alone, MB/s */
};

/* Returns what all writers moved in the last round of E, in MB/s. */
static double tails_flood(const struct bench_compare_entry *e, size_t round)
{
	double sum = 0;

	for (size_t i = 0; i < e->n; i++)
		if (e->row[i].dir == SIM_WRITE && round < e->row[i].mbps.n)
			sum += e->row[i].mbps.value[round];
	return sum;
}

static const struct bench_compare_row *tails_reader(const struct bench_compare_entry *e)
{
	for (size_t i = 0; i < e->n; i++)
		if (e->row[i].dir == SIM_READ)
			return &e->row[i];
	return NULL;
}

static int tails_too_short(const char *what)
{
	return report_error("%s: nothing ended in time: give more --time", what);
}

/* Before the floor: the flood gets its rate from what it has written alone in this round, or in an
 * earlier one if nothing ended in this. */
static int tails_before(struct bench_compare *c, struct bench_compare_entry *e, void *user)
{
	struct tails *t = user;
	const struct bench_compare_entry *flood = &c->entry[TAILS_FLOOD];
	double mbps;

	if (e != &c->entry[TAILS_FLOOR] || !flood->runs)
		return 0;
	mbps = tails_flood(flood, flood->runs - 1);
	if (mbps <= 0 && !t->drain.n)
		return tails_too_short(flood->name);
	bench_samples_add(&t->drain, mbps > 0 ? mbps : (double)NAN);
	if (mbps <= 0)
		return 0;
	for (size_t i = 0; i < t->jobs[TAILS_FLOOR].count; i++) {
		struct sim_job *job = &t->jobs[TAILS_FLOOR].job[i];

		if (job->rw & SIM_RW_WRITE)
			job->rate[SIM_WRITE] =
				(uint64_t)(mbps * 1e6 * TAILS_PACED / (double)t->args->writers) + 1;
	}
	return 0;
}

/* Makes the jobs of the reader (READS) and the writers, whose ios have BYTES (0: none). */
static int tails_jobs(struct sim_jobs *jobs, const struct tails *t, uint64_t run_ns, bool reads,
		      uint64_t bytes)
{
	const struct tails_args *a = t->args;
	struct bench_text text;

	bench_text_begin(&text);
	bench_text_add(&text, "[global]\ntime_based\nramp_time=%lluus\nruntime=%lluus\n",
		       (unsigned long long)((double)run_ns * TAILS_RAMP / 1e3),
		       (unsigned long long)((double)run_ns * (1 - TAILS_RAMP) / 1e3));
	if (reads)
		bench_text_add(&text, "[reader]\nrw=randread\nbs=%llu\niodepth=%llu\n",
			       (unsigned long long)a->read_size, (unsigned long long)a->read_depth);
	if (reads && t->read_rate)
		bench_text_add(&text, "rate_iops=%llu\n", (unsigned long long)t->read_rate);
	if (bytes)
		bench_text_add(&text,
			       "[flood]\nrw=randwrite\nbackground\nbs=%llu\niodepth=%llu\n"
			       "numjobs=%llu\n",
			       (unsigned long long)bytes, (unsigned long long)a->write_depth,
			       (unsigned long long)a->writers);
	return bench_text_jobs(&text, jobs);
}

/* Sets the rate of the reader from E, in which it ran at full speed. */
static int tails_set_rate(struct tails *t, const struct bench_compare_entry *e)
{
	const struct bench_compare_row *row = tails_reader(e);
	double iops = row ? bench_spread_of(&row->iops).median : 0;

	if (iops <= 0)
		return tails_too_short(e->name);
	t->read_rate = (uint64_t)(iops * TAILS_READS) + 1;
	return 0;
}

/* Finds out what the reader reads alone, as fast as it can, unless its rate was given. */
static int tails_find_rate(struct tails *t, uint64_t run_ns)
{
	struct sim_jobs jobs = { .count = 0 };
	struct bench_compare_entry *e =
		bench_compare_add(&t->compare, "reader at full speed", "none", &jobs);
	int exit_code = 0;

	t->read_rate = t->args->read_rate;
	if (!t->read_rate) {
		exit_code = tails_jobs(&jobs, t, run_ns, true, 0);
		if (!exit_code)
			exit_code = bench_compare_run_entry(&t->compare, e, 1);
		if (!exit_code && !bench_stopped)
			exit_code = tails_set_rate(t, e);
	}
	bench_compare_free(&t->compare);
	sim_jobs_free(&jobs);
	return exit_code;
}

static int tails_add(struct tails *t, const struct bench_names *scheds, uint64_t run_ns)
{
	const struct tails_args *a = t->args;
	int exit_code = tails_jobs(&t->jobs[TAILS_ALONE], t, run_ns, true, 0);

	if (!exit_code)
		exit_code = tails_jobs(&t->jobs[TAILS_FLOOD], t, run_ns, false, a->write_size);
	if (!exit_code)
		exit_code = tails_jobs(&t->jobs[TAILS_FLOOR], t, run_ns, true,
				       a->write_size < TAILS_PIECE ? a->write_size : TAILS_PIECE);
	if (!exit_code)
		exit_code = tails_jobs(&t->both, t, run_ns, true, a->write_size);
	bench_compare_add(&t->compare, "alone", "none", &t->jobs[TAILS_ALONE]);
	bench_compare_add(&t->compare, "flood alone", "none", &t->jobs[TAILS_FLOOD]);
	bench_compare_add(&t->compare, "floor", "none", &t->jobs[TAILS_FLOOR]);
	for (size_t i = 0; i < scheds->n; i++)
		bench_compare_add(&t->compare, scheds->name[i], scheds->name[i], &t->both);
	return exit_code;
}

/* The figures of an entry that compare it with the floor and with the flood alone, by round. */
struct tails_ratios {
	struct bench_samples p99, p999, flood_mbps, flood;
};

static void tails_divide(struct bench_samples *out, const struct bench_samples *a,
			 const struct bench_samples *b)
{
	for (size_t r = 0; r < a->n && r < b->n; r++)
		if (a->value[r] >= 0 && b->value[r] > 0) /* neither is NAN */
			bench_samples_add(out, a->value[r] / b->value[r]);
}

static void tails_ratios_of(const struct tails *t, const struct bench_compare_entry *e,
			    struct tails_ratios *out)
{
	const struct bench_compare_row *mine = tails_reader(e);
	const struct bench_compare_row *floor = tails_reader(&t->compare.entry[TAILS_FLOOR]);
	bool floods = false;

	memset(out, 0, sizeof(*out));
	if (mine && floor) {
		tails_divide(&out->p99, &mine->p99, &floor->p99);
		tails_divide(&out->p999, &mine->p999, &floor->p999);
	}
	for (size_t r = 0; r < e->runs; r++)
		floods |= tails_flood(e, r) > 0;
	/* A round in which the flood ended nothing counts too. */
	for (size_t r = 0; floods && r < e->runs; r++)
		bench_samples_add(&out->flood_mbps, tails_flood(e, r));
	tails_divide(&out->flood, &out->flood_mbps, &t->drain);
}

static void tails_ratio_text(const struct bench_samples *s, char *buf, size_t size)
{
	buf[0] = '\0';
	if (s->n)
		bench_text_spread(s, 2, buf, size);
}

/* How long the reads of E took. */
static void tails_took(struct table *table, const struct bench_compare_entry *e)
{
	const struct bench_compare_row *row = tails_reader(e);
	char name[64], times[5][32];

	if (!row)
		return;
	const struct bench_samples *of[] = { &row->p50, &row->p99, &row->p999, &row->p9999,
					     &row->max };

	snprintf(name, sizeof(name), "%s%s", e->name, bench_compare_mark(e));
	for (int i = 0; i < 5; i++)
		bench_compare_time(of[i], times[i], sizeof(times[i]));
	table_row(table, name, times[0], times[1], times[2], times[3], times[4]);
}

/* What the reads of E are beside the floor, and what its flood moved. */
static void tails_beside(struct table *table, const struct tails *t,
			 const struct bench_compare_entry *e)
{
	const struct bench_compare_row *row = tails_reader(e);
	char name[64], mbps[32] = "", flood[32] = "", p99[48], p999[48], lost[48];
	struct tails_ratios ratios;

	tails_ratios_of(t, e, &ratios);
	snprintf(name, sizeof(name), "%s%s", e->name, bench_compare_mark(e));
	if (row)
		snprintf(mbps, sizeof(mbps), "%.1f", bench_spread_of(&row->mbps).median);
	tails_ratio_text(&ratios.p99, p99, sizeof(p99));
	tails_ratio_text(&ratios.p999, p999, sizeof(p999));
	tails_ratio_text(&ratios.flood, lost, sizeof(lost));
	if (ratios.flood_mbps.n)
		snprintf(flood, sizeof(flood), "%.0f", bench_spread_of(&ratios.flood_mbps).median);
	table_row(table, name, p99, p999, mbps, flood, lost);
}

static int tails_print(struct tails *t)
{
	struct table took = { .columns = "lrrrrr" }, beside = { .columns = "lrrrrr" };
	char text[512], size[2][32];
	int err;

	printf("%s\nreads of %s, %llu at most outstanding, %llu/s, beside %llu x %llu background "
	       "writes of %s\n\n",
	       bench_device_text(t->compare.target, text, sizeof(text)),
	       format_size(t->args->read_size, size[0], sizeof(size[0])),
	       (unsigned long long)t->args->read_depth, (unsigned long long)t->read_rate,
	       (unsigned long long)t->args->writers, (unsigned long long)t->args->write_depth,
	       format_size(t->args->write_size, size[1], sizeof(size[1])));
	table_row(&took, "", "p50", "p99", "p99.9", "p99.99", "max");
	table_row(&beside, "", "p99/floor", "p99.9/floor", "reads MB/s", "flood", "of alone");
	for (size_t i = 0; i < t->compare.n; i++) {
		if (!t->compare.entry[i].runs)
			continue; /* it failed at once, or another one that it needs did */
		tails_took(&took, &t->compare.entry[i]);
		tails_beside(&beside, t, &t->compare.entry[i]);
	}
	err = table_print(&took, 0, stdout);
	putchar('\n');
	err = err ? err : table_print(&beside, 0, stdout);
	table_free(&took);
	table_free(&beside);
	printf("\nfloor: the flood is paced to %.0f %% of what it writes alone, in pieces of 128 "
	       "KiB, under none\n",
	       TAILS_PACED * 100);
	bench_compare_print_marks(&t->compare);
	return err ? report_error("out of memory") : 0;
}

static json_t *tails_json_entry(const struct tails *t, const struct bench_compare_entry *e)
{
	json_t *o = bench_compare_json(e);
	struct tails_ratios ratios;

	tails_ratios_of(t, e, &ratios);
	if (o && ratios.p99.n) {
		json_object_set_new(o, "p99_to_floor", bench_json_spread(&ratios.p99));
		json_object_set_new(o, "p999_to_floor", bench_json_spread(&ratios.p999));
	}
	if (o && ratios.flood_mbps.n) {
		json_object_set_new(o, "flood_mbps", bench_json_spread(&ratios.flood_mbps));
		json_object_set_new(o, "flood_to_alone", bench_json_spread(&ratios.flood));
	}
	return o;
}

static json_t *tails_json(const struct tails *t)
{
	const struct tails_args *a = t->args;
	json_t *entries = json_array();

	for (size_t i = 0; i < t->compare.n; i++)
		json_array_append_new(entries, tails_json_entry(t, &t->compare.entry[i]));
	return json_pack("{s:s, s:o, s:o, s:I, s:b, s:{s:I, s:I, s:I}, s:{s:I, s:I, s:I}, s:o, "
			 "s:o}",
			 "schema", "weir.bench.tails.v1", "machine", bench_json_machine(), "device",
			 bench_device_json(t->compare.target), "rounds",
			 (json_int_t)a->device.rounds, "interrupted", (int)bench_stopped, "reader",
			 "bytes", (json_int_t)a->read_size, "depth", (json_int_t)a->read_depth,
			 "rate_iops", (json_int_t)t->read_rate, "writers", "count",
			 (json_int_t)a->writers, "bytes", (json_int_t)a->write_size, "depth",
			 (json_int_t)a->write_depth, "drain_mbps", bench_json_spread(&t->drain),
			 "entries", entries);
}

static int tails_measure(struct tails *t, const struct bench_names *scheds)
{
	uint64_t run_ns = bench_compare_run_ns(&t->args->device, scheds->n + TAILS_FIRST);
	int exit_code = tails_find_rate(t, run_ns);

	if (!exit_code)
		exit_code = tails_add(t, scheds, run_ns);
	t->compare.before = tails_before;
	t->compare.in_order = true;
	t->compare.needed = TAILS_FIRST;
	t->compare.user = t;
	if (!exit_code)
		exit_code = bench_compare_run(&t->compare);
	if (!exit_code)
		exit_code = t->args->device.json ? report_json(tails_json(t), 0) : tails_print(t);
	bench_compare_free(&t->compare);
	for (int i = 0; i < TAILS_FIRST; i++)
		sim_jobs_free(&t->jobs[i]);
	sim_jobs_free(&t->both);
	return bench_compare_exit(&t->compare, exit_code);
}

/* Checks that reads and writes are whole blocks. Returns 0 or an exit code. */
static int tails_check_sizes(const struct tails_args *args, uint32_t block)
{
	const char *wrong = args->read_size % block    ? "read"
			    : args->write_size % block ? "write"
						       : NULL;

	return wrong ? report_usage("--%s-size: not a multiple of %u, the drive's logical block",
				    wrong, block)
		     : 0;
}

static int tails_run(void *arg, char **operands, int n)
{
	const struct tails_args *args = arg;
	struct bench_target target = { .path = operands[0] };
	struct tails t = {
		.args = args,
		.compare = { .args = &args->device, .target = &target, .series_of = TAILS_FIRST }
	};
	struct bench_names scheds;
	struct output series;
	int exit_code = bench_read_scheds("compare", args->device.compare, &scheds);

	(void)n;
	/* Before a file is made and written in full; its blocks have 512 bytes at least. */
	if (!exit_code)
		exit_code = tails_check_sizes(args, 512);
	if (exit_code)
		return exit_code;
	bench_catch_signals();
	exit_code = bench_device_open(&target, operands[0], true, &args->device);
	if (!exit_code)
		exit_code = tails_check_sizes(
			args, weir_device_get_info(target.dev)->logical_block_bytes);
	if (!exit_code)
		exit_code = bench_device_least(&target, args->read_size > args->write_size
								? args->read_size
								: args->write_size);
	if (!exit_code)
		exit_code = bench_series_begin(&t.compare, &series, &args->device, &scheds);
	if (!exit_code)
		exit_code = bench_series_end(&t.compare, &series, tails_measure(&t, &scheds));
	bench_device_close(&target);
	return tracing_end(exit_code);
}

const struct command command_bench_tails = {
	.name = "bench tails",
	.path = COMMAND_PATH,
	.operands = "PATH",
	.summary = "how long reads take beside a flood of writes",
	.text = "Runs a reader on PATH, a file, a device or null, alone, and beside a flood of "
		"background\n"
		"writes under each scheduler. The measure is the floor: the same reads while the "
		"flood is\n"
		"paced to 98 % of what the drive writes, in pieces of 128 KiB, so that its write "
		"cache is\n"
		"never full. What a scheduler loses by it, \"of alone\" says: the flood's "
		"throughput in\n"
		"parts of what it writes alone. PATH is overwritten, so one that is not empty "
		"needs\n"
		"--force.\n",
	.examples = "weir bench tails /mnt/new-file --size 4g\n"
		    "weir bench tails /dev/nvme0n1 --force --compare none,pace --time 2m\n"
		    "weir bench tails /mnt/new-file --read-size 1m --writers 4 --json\n"
		    "weir bench tails /mnt/new-file --compare pace --series s.csv\n",
	.options = tails_options,
	.min_operands = 1,
	.max_operands = 1,
	.args_size = sizeof(struct tails_args),
	.defaults = &tails_defaults,
	.run = tails_run,
};
