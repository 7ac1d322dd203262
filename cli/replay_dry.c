/* SPDX-License-Identifier: Apache-2.0 */
/*
 * replay_dry.c - `weir replay --dry`: the hit rates of a trace for several policies and sizes of a
 * store, without a store. A run owns its list of sizes.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/evict.h"
#include "base/parse.h"
#include "cli/budget.h"
#include "cli/dry.h"
#include "cli/percent.h"
#include "cli/replay_session.h"
#include "cli/report.h"
#include "cli/table.h"

#define DRY_SIZES_MAX 16u
#define DRY_SIZES_DEFAULT "10%,25%,50%"
/* How weir format chooses segments: src/store/format/layout_make.c. */
#define DRY_SEGMENTS 256u
#define DRY_SEGMENTS_MIN 64u
#define DRY_SEGMENT_MIN (1ull << 20)
#define DRY_SEGMENT_MAX (1ull << 30)
#define DRY_SEGMENT_LEAST (64ull << 10)
#define DRY_SUPER_ROOM (64ull << 10)
#define DRY_STORE_MIN (DRY_SEGMENTS_MIN * DRY_SEGMENT_LEAST + 2 * DRY_SUPER_ROOM)
/* Segments that a full store keeps free: two in reserve, and those that are begun ahead, up to
 * eight. Under clock they are fewer, because survivors are moved out of one segment at a time. Seen
 * in stores of 257 segments. */
#define DRY_FREE_CLOCK 3u
#define DRY_FREE_FIFO 6u

/* One of these is 0. */
struct dry_size {
	uint64_t blocks, bytes;
};

struct dry_session {
	const struct replay_args *args;
	uint64_t working_set;
	struct dry_size sizes[DRY_SIZES_MAX];
	uint32_t count;
	bool policies[DRY_POLICIES];
	uint32_t rewrite;
	uint64_t budget;	 /* bytes a day */
	uint32_t budget_percent; /* of the capacity; 0: it is in bytes */
	double speed;
	struct table table;
	json_t *runs;
};

/* Reads one size of --capacity: a percentage of the working set, or bytes. */
static int dry_size(struct dry_session *d, const char *text)
{
	struct dry_size *size = &d->sizes[d->count];
	uint32_t percent;
	int exit_code;

	if (d->count == DRY_SIZES_MAX)
		return report_usage("--capacity: at most %u sizes at once", DRY_SIZES_MAX);
	if (strchr(text, '%')) {
		exit_code = percent_parse("capacity", text, 100, &percent);
		if (exit_code)
			return exit_code;
		size->blocks = d->working_set * percent / 100;
	} else if (parse_size(text, &size->bytes) < 0) {
		return report_usage("--capacity: '%s' is no size: give one such as 64g, or a part "
				    "of the trace's different blocks such as 25%%",
				    text);
	}
	if (size->bytes && size->bytes < DRY_STORE_MIN)
		return report_usage("--capacity: %s is too small: the smallest store has 4224KiB; "
				    "give a part of the trace's different blocks such as 25%%",
				    text);
	if (!size->blocks && !size->bytes)
		return report_usage("--capacity: %s is less than one block", text);
	d->count++;
	return 0;
}

static int dry_sizes(struct dry_session *d)
{
	char *all = strdup(d->args->capacity ? d->args->capacity : DRY_SIZES_DEFAULT), *rest = all;
	int exit_code = all ? 0 : report_error("out of memory");

	while (!exit_code && rest)
		exit_code = dry_size(d, strsep(&rest, ","));
	free(all);
	return exit_code;
}

/* Reads --policy: one of them, or all if it is not given. */
static int dry_policies(struct dry_session *d)
{
	const char *wanted = d->args->policy;
	bool found = false;

	for (enum dry_policy p = 0; p < DRY_POLICIES; p++) {
		d->policies[p] = !wanted || !strcmp(wanted, dry_policy_name(p));
		found = found || d->policies[p];
	}
	if (!found)
		return report_usage("--policy: '%s' is none of fifo, clock, lru and second",
				    wanted);
	d->rewrite = 75;
	if (d->args->write_budget &&
	    budget_parse(d->args->write_budget, &d->budget, &d->budget_percent))
		return REPORT_USAGE;
	return d->args->rewrite
		       ? percent_parse("rewrite", d->args->rewrite, EVICT_REWRITE_MAX, &d->rewrite)
		       : 0;
}

static uint64_t dry_power(uint64_t n)
{
	return n ? 1ull << (63 - __builtin_clzll(n)) : 1;
}

/* Returns the length of the segments that `weir format` gives a store of BYTES. */
static uint64_t dry_segment_default(uint64_t bytes)
{
	uint64_t segment = DRY_SEGMENT_MIN;

	while (segment < DRY_SEGMENT_MAX && segment * 2 <= bytes / DRY_SEGMENTS)
		segment *= 2;
	while (segment > DRY_SEGMENT_LEAST && bytes / segment < DRY_SEGMENTS_MIN)
		segment /= 2;
	return segment;
}

/* A part of the different blocks holds so many blocks; headers come on top of them. */
static void dry_size_blocks(const struct dry_session *d, struct dry_run *run, uint64_t blocks)
{
	uint64_t bytes = blocks * run->block_bytes, segments = d->args->segments;

	if (!segments)
		segments = bytes / dry_segment_default(bytes);
	run->capacity = blocks;
	run->segment = segments && blocks > segments ? blocks / segments : 1;
	run->segment_bytes = run->segment * run->block_bytes;
}

/* A store of BYTES has room for headers, for footers, and for segments that are kept free. */
static void dry_size_bytes(const struct dry_session *d, struct dry_run *run, uint64_t bytes)
{
	uint64_t block = run->block_bytes + DRY_HEADER / DRY_BATCH, segments, free;

	bytes -= bytes > 2 * DRY_SUPER_ROOM ? 2 * DRY_SUPER_ROOM : 0;
	run->segment_bytes = d->args->segments ? dry_power(bytes / d->args->segments)
					       : dry_segment_default(bytes);
	/* A value may be as long as half a segment. */
	while (run->segment_bytes < 2 * block)
		run->segment_bytes *= 2;
	run->segment = run->segment_bytes > block + 2UL * DRY_HEADER
			       ? (run->segment_bytes - 2UL * DRY_HEADER) / block
			       : 1;
	segments = bytes / run->segment_bytes;
	free = run->policy == DRY_FIFO ? DRY_FREE_FIFO : DRY_FREE_CLOCK;
	segments -= segments > free ? free : 0;
	run->capacity = segments ? segments * run->segment : 1;
}

/* Returns the bytes that a store of SIZE may write in a day; 0: any number. */
static uint64_t dry_budget(const struct dry_session *d, const struct dry_size *size)
{
	uint64_t bytes = size->bytes ? size->bytes : size->blocks * d->args->block_bytes;

	return d->budget_percent ? budget_of_capacity(bytes, d->budget_percent) : d->budget;
}

static double dry_ratio(uint64_t part, uint64_t all)
{
	return all ? (double)part / (double)all : 0;
}

static void dry_row(struct dry_session *d, const struct dry_run *run)
{
	char name[32], size[32], part[32], hits[32], written[32], segment[32], refused[32] = "";

	if (dry_policy_rewrites(run->policy))
		snprintf(name, sizeof(name), "%s, %" PRIu32 " %%", dry_policy_name(run->policy),
			 run->rewrite_percent);
	else
		snprintf(name, sizeof(name), "%s", dry_policy_name(run->policy));
	if (run->refused)
		snprintf(refused, sizeof(refused), "%.2f", dry_ratio(run->refused, run->blocks));
	table_count(run->segment, segment, sizeof(segment));
	table_count(run->capacity, size, sizeof(size));
	snprintf(part, sizeof(part), "%.0f %%", 100 * dry_ratio(run->capacity, d->working_set));
	snprintf(hits, sizeof(hits), "%.3f", dry_ratio(run->hits, run->blocks));
	snprintf(written, sizeof(written), "%.2f",
		 dry_ratio(run->puts + run->rewritten, run->blocks));
	table_row(&d->table, name, size, part, segment, hits, written, refused);
}

static int dry_json(struct dry_session *d, const struct dry_run *run)
{
	uint64_t percent = dry_policy_rewrites(run->policy) ? run->rewrite_percent : 0;

	return json_array_append_new(
		d->runs,
		json_pack("{s:s, s:I, s:I, s:I, s:I, s:f, s:I, s:I, s:I, s:I, s:I}", "policy",
			  dry_policy_name(run->policy), "rewrite_percent", (json_int_t)percent,
			  "capacity_blocks", (json_int_t)run->capacity, "blocks",
			  (json_int_t)run->blocks, "hits", (json_int_t)run->hits, "hit_rate",
			  dry_ratio(run->hits, run->blocks), "put_blocks", (json_int_t)run->puts,
			  "rewritten_blocks", (json_int_t)run->rewritten, "segment_blocks",
			  (json_int_t)run->segment, "write_budget_bytes", (json_int_t)run->budget,
			  "refused_blocks", (json_int_t)run->refused));
}

static int dry_run_one(struct dry_session *d, const struct trace *t, enum dry_policy policy,
		       const struct dry_size *size)
{
	struct dry_run run = { .policy = policy,
			       .rewrite_percent = d->rewrite,
			       .block_bytes = d->args->block_bytes,
			       .speed = d->speed };

	if (size->bytes)
		dry_size_bytes(d, &run, size->bytes);
	else
		dry_size_blocks(d, &run, size->blocks);
	if (dry_policy_has_budget(policy))
		run.budget = dry_budget(d, size);

	if (dry_simulate(t, &run) < 0)
		return report_error("%s", weir_error());
	if (!d->args->json)
		dry_row(d, &run);
	else if (dry_json(d, &run))
		return report_error("out of memory");
	return 0;
}

static int dry_run_all(struct dry_session *d, const struct trace *t)
{
	int exit_code = 0;

	for (enum dry_policy p = 0; p < DRY_POLICIES; p++)
		for (uint32_t n = 0; d->policies[p] && n < d->count && !exit_code; n++)
			exit_code = dry_run_one(d, t, p, &d->sizes[n]);
	return exit_code;
}

static int dry_print(struct dry_session *d, const char *trace_name)
{
	json_t *runs = d->runs;
	int err;

	d->runs = NULL;
	if (d->args->json)
		return report_json(json_pack("{s:s, s:o, s:I, s:o}", "schema", "weir.replay-dry.v1",
					     "trace", report_text(trace_name), "working_set_blocks",
					     (json_int_t)d->working_set, "runs", runs),
				   0);
	json_decref(runs);
	printf("%s: %" PRIu64 " different blocks\n", trace_name, d->working_set);
	err = table_print(&d->table, 2, stdout);
	return err < 0 ? report_error("out of memory") : 0;
}

int replay_dry(struct replay_session *s)
{
	struct dry_session d = { .args = s->args,
				 .speed = s->replay.config.speed,
				 .table = { .columns = "lrrrrrr" },
				 .runs = json_array() };
	int64_t working_set = dry_working_set(&s->trace);
	int exit_code;

	if (working_set < 0 || !d.runs)
		return report_error("out of memory");
	d.working_set = (uint64_t)working_set;
	exit_code = dry_policies(&d);
	if (!exit_code)
		exit_code = dry_sizes(&d);
	table_row(&d.table, "policy", "blocks", "of all", "a segment", "hits", "written a block",
		  "not admitted");
	if (!exit_code)
		exit_code = dry_run_all(&d, &s->trace);
	if (!exit_code)
		exit_code = dry_print(&d, s->trace_name);
	json_decref(d.runs);
	table_free(&d.table);
	return exit_code;
}
