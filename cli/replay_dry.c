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
#include "cli/dry.h"
#include "cli/percent.h"
#include "cli/replay_session.h"
#include "cli/report.h"
#include "cli/table.h"

#define DRY_SIZES_MAX 16u
#define DRY_SIZES_DEFAULT "10%,25%,50%"

struct dry_session {
	const struct replay_args *args;
	uint64_t working_set;
	uint64_t sizes[DRY_SIZES_MAX];
	uint32_t count;
	bool policies[DRY_POLICIES];
	uint32_t rewrite;
	struct table table;
	json_t *runs;
};

/* Reads one size of --capacity: a percentage of the working set, or bytes. */
static int dry_size(struct dry_session *d, const char *text)
{
	uint64_t bytes, *size = &d->sizes[d->count];
	uint32_t percent;
	int exit_code;

	if (d->count == DRY_SIZES_MAX)
		return report_usage("--capacity: at most %u sizes at once", DRY_SIZES_MAX);
	if (strchr(text, '%')) {
		exit_code = percent_parse("capacity", text, 100, &percent);
		if (exit_code)
			return exit_code;
		*size = d->working_set * percent / 100;
	} else if (parse_size(text, &bytes) < 0) {
		return report_usage("--capacity: '%s' is no size: give one such as 64g, or a part "
				    "of the trace's different blocks such as 25%%",
				    text);
	} else {
		*size = bytes / d->args->block_bytes;
	}
	if (!*size)
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
		return report_usage("--policy: '%s' is none of fifo, clock and lru", wanted);
	d->rewrite = 75;
	return d->args->rewrite
		       ? percent_parse("rewrite", d->args->rewrite, EVICT_REWRITE_MAX, &d->rewrite)
		       : 0;
}

static double dry_ratio(uint64_t part, uint64_t all)
{
	return all ? (double)part / (double)all : 0;
}

static void dry_row(struct dry_session *d, const struct dry_run *run)
{
	char name[32], size[32], part[32], hits[32], written[32];

	if (run->policy == DRY_CLOCK)
		snprintf(name, sizeof(name), "clock, %" PRIu32 " %%", run->rewrite_percent);
	else
		snprintf(name, sizeof(name), "%s", dry_policy_name(run->policy));
	table_count(run->capacity, size, sizeof(size));
	snprintf(part, sizeof(part), "%.0f %%", 100 * dry_ratio(run->capacity, d->working_set));
	snprintf(hits, sizeof(hits), "%.3f", dry_ratio(run->hits, run->blocks));
	snprintf(written, sizeof(written), "%.2f",
		 dry_ratio(run->puts + run->rewritten, run->blocks));
	table_row(&d->table, name, size, part, hits, written);
}

static int dry_json(struct dry_session *d, const struct dry_run *run)
{
	uint64_t percent = run->policy == DRY_CLOCK ? run->rewrite_percent : 0;

	return json_array_append_new(
		d->runs,
		json_pack("{s:s, s:I, s:I, s:I, s:I, s:f, s:I, s:I}", "policy",
			  dry_policy_name(run->policy), "rewrite_percent", (json_int_t)percent,
			  "capacity_blocks", (json_int_t)run->capacity, "blocks",
			  (json_int_t)run->blocks, "hits", (json_int_t)run->hits, "hit_rate",
			  dry_ratio(run->hits, run->blocks), "put_blocks", (json_int_t)run->puts,
			  "rewritten_blocks", (json_int_t)run->rewritten));
}

static int dry_run_one(struct dry_session *d, const struct trace *t, enum dry_policy policy,
		       uint64_t capacity)
{
	struct dry_run run = { .policy = policy,
			       .rewrite_percent = d->rewrite,
			       .capacity = capacity };

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
			exit_code = dry_run_one(d, t, p, d->sizes[n]);
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
				 .table = { .columns = "lrrrr" },
				 .runs = json_array() };
	int64_t working_set = dry_working_set(&s->trace);
	int exit_code;

	if (working_set < 0 || !d.runs)
		return report_error("out of memory");
	d.working_set = (uint64_t)working_set;
	exit_code = dry_policies(&d);
	if (!exit_code)
		exit_code = dry_sizes(&d);
	table_row(&d.table, "policy", "blocks", "of all", "hits", "written a block");
	if (!exit_code)
		exit_code = dry_run_all(&d, &s->trace);
	if (!exit_code)
		exit_code = dry_print(&d, s->trace_name);
	json_decref(d.runs);
	table_free(&d.table);
	return exit_code;
}
