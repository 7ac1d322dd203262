/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stat.c - `weir stat`: shows the properties and the contents of a store, and what its recovery
 * found.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/parse.h"
#include "cli/budget.h"
#include "cli/command.h"
#include "cli/describe.h"
#include "cli/device_table.h"
#include "cli/report.h"
#include "cli/source.h"
#include "cli/table.h"
#include "cli/tenant.h"
#include "cli/why.h"
#include "cli/marks.h"

struct stat_args {
	struct opening store;
	const char *why;
	unsigned json, metrics, classic, escaped;
};

static const struct opt stat_options[] = {
	{ .name = "why",
	  .type = OPT_STRING,
	  .offset = offsetof(struct stat_args, why),
	  .arg = "KEY",
	  .help = "tell only whether KEY is there, or why it is not" },
	{ .name = "escaped",
	  .letter = 'e',
	  .type = OPT_FLAG,
	  .offset = offsetof(struct stat_args, escaped),
	  .help = "with --why: KEY is written as `weir ls` prints it" },
	{ .name = "metrics",
	  .type = OPT_FLAG,
	  .offset = offsetof(struct stat_args, metrics),
	  .help = "print metrics as OpenMetrics text (docs/metrics.md)" },
	{ .name = "classic",
	  .type = OPT_FLAG,
	  .offset = offsetof(struct stat_args, classic),
	  .help = "with --metrics: in Prometheus' older format, as\nnode_exporter reads it from "
		  "a file" },
	OPENING_OPTIONS(offsetof(struct stat_args, store)),
	JSON_OPTION(offsetof(struct stat_args, json)),
	OPT_END,
};

/* The facts to print, gathered while the store is open. */
struct stat_facts {
	const char *path;
	struct weir_store_info info;
	struct weir_store_stats stats;
	struct weir_queue_info queue;
};

static void stat_row_count(struct table *t, const char *name, uint64_t n)
{
	char buf[32];

	table_row(t, name, table_count(n, buf, sizeof(buf)));
}

static void stat_row_size(struct table *t, const char *name, uint64_t bytes)
{
	char buf[32];

	table_row(t, name, format_size(bytes, buf, sizeof(buf)));
}

static const char *stat_policy_name(const struct weir_store_info *info)
{
	return info->policy == WEIR_POLICY_FIFO ? "fifo" : "clock";
}

/* Writes the eviction policy as text. */
static const char *stat_policy(const struct weir_store_info *info, char *text, size_t size)
{
	if (info->policy == WEIR_POLICY_FIFO)
		return "fifo: the oldest goes first";
	snprintf(text, size, "clock: what was read stays, up to %u %% of a segment",
		 info->rewrite_percent);
	return text;
}

/*
 * Returns the placement as text. The placement that was asked for may differ from the one in use:
 * not every engine can pass placement ids to the drive.
 */
static const char *stat_placement(const struct weir_store_info *info)
{
	if (info->placement == WEIR_PLACEMENT_STREAM)
		return "stream";
	return info->placement_asked == WEIR_PLACEMENT_STREAM ? "none here (asked: stream)"
							      : "none";
}

static void stat_rows_store(struct table *t, const struct weir_store_info *info)
{
	char uuid[DESCRIBE_UUID_MAX], text[80];

	table_row(t, "uuid", describe_uuid(info->uuid, uuid));
	stat_row_count(t, "format version", info->version);
	stat_row_size(t, "capacity", info->capacity_bytes);
	stat_row_size(t, "block", info->block_bytes);
	stat_row_size(t, "segment", info->segment_bytes);
	stat_row_size(t, "largest value", info->max_value_bytes);
	stat_row_count(t, "epoch", info->epoch);
	stat_row_count(t, "superblock revision", info->revision);
	table_row(t, "placement", stat_placement(info));
	table_row(t, "eviction", stat_policy(info, text, sizeof(text)));
	table_row(t, "kept free", marks_words(info, text, sizeof(text)));
	table_row(t, "write budget",
		  budget_words(info->write_budget, info->capacity_bytes, text, sizeof(text)));
	if (info->placement_why)
		table_row(t, "why not by stream", info->placement_why);
}

/* Prints how much of the full segments is left over: much, if values fill half a segment or so. */
static void stat_row_unused(struct table *t, const struct weir_store_stats *stats)
{
	double share = stats->sealed_bytes
			       ? 100.0 * (double)stats->unused_bytes / (double)stats->sealed_bytes
			       : 0;
	char size[32], buf[64];

	snprintf(buf, sizeof(buf), "%s (%.1f %%)",
		 format_size(stats->unused_bytes, size, sizeof(size)), share);
	table_row(t, "unused at ends of segments", buf);
}

/* Prints what was reclaimed, and how long puts waited for it, since the store was opened. */
static void stat_rows_reclaim(struct table *t, const struct weir_store_stats *stats)
{
	char longest[32], buf[64];

	if (!stats->background_reclaims && !stats->inline_reclaims)
		return;
	snprintf(buf, sizeof(buf), "%" PRIu64 ", %" PRIu64 " in the background",
		 stats->background_reclaims + stats->inline_reclaims, stats->background_reclaims);
	table_row(t, "segments reclaimed", buf);
	snprintf(buf, sizeof(buf), "%" PRIu64 " times, at most %s", stats->space_wait.count,
		 format_time(stats->space_wait.max_ns, longest, sizeof(longest)));
	table_row(t, "waits for space", buf);
}

/* Returns the bytes that were written to the devices for each byte of a put that was acknowledged,
 * since the store was opened; 0: nothing was put. The device does not note them. */
static double stat_amplification(const struct weir_store_stats *stats)
{
	return stats->put_bytes ? (double)stats->written_bytes / (double)stats->put_bytes : 0;
}

static void stat_row_amplification(struct table *t, const struct weir_store_stats *stats)
{
	char put[32], written[32], buf[96];

	if (!stats->put_bytes) {
		table_row(t, "write amplification",
			  "not known: nothing was put since it was opened");
		return;
	}
	snprintf(buf, sizeof(buf), "%.3f: %s written for %s put", stat_amplification(stats),
		 format_size(stats->written_bytes, written, sizeof(written)),
		 format_size(stats->put_bytes, put, sizeof(put)));
	table_row(t, "write amplification", buf);
}

static void stat_rows_content(struct table *t, const struct weir_store_info *info,
			      const struct weir_store_stats *stats)
{
	stat_row_count(t, "entries", stats->entries);
	stat_row_size(t, "values", stats->live_bytes);
	stat_row_count(t, "segments used", stats->used_segments);
	stat_row_count(t, "segments free", stats->free_segments);
	stat_row_unused(t, stats);
	stat_row_size(t, "index in memory", stats->index_bytes);
	stat_rows_reclaim(t, stats);
	stat_row_amplification(t, stats);
	if (info->write_budget) {
		stat_row_size(t, "write budget spent", stats->budget_spent_bytes);
		stat_row_count(t, "puts not admitted", stats->refused_puts);
	}
}

static void stat_rows_recovery(struct table *t, const struct weir_store_stats *stats)
{
	char buf[32];

	table_row(t, "recovery took", format_time(stats->recovery_ns, buf, sizeof(buf)));
	stat_row_count(t, "entries recovered", stats->recovered_entries);
	stat_row_count(t, "open segments walked", stats->recovered_open_segments);
	stat_row_count(t, "damaged footers", stats->recovered_bad_footers);
	stat_row_count(t, "damaged headers", stats->recovered_bad_headers);
	stat_row_count(t, "blocks skipped", stats->recovered_skipped_blocks);
	stat_row_count(t, "records dropped", stats->recovered_dropped_records);
	stat_row_count(t, "keys in two streams", stats->recovered_conflicts);
	stat_row_count(t, "blocks read twice", stats->rereads);
	stat_row_count(t, "segments out of use", stats->recovered_out_of_use);
	stat_row_count(t, "of these set aside", stats->aside_segments);
	stat_row_count(t, "footers not writable", stats->recovered_unsealed);
	stat_row_count(t, "bad superblocks", stats->recovered_bad_superblocks);
}

static int stat_print(const struct stat_facts *f, struct source *src)
{
	struct table t = { .columns = "lr" };
	int err;

	if (source_pid(src))
		printf("%s: a weir store, which pid %d has open with %s\n", f->path,
		       source_pid(src), f->queue.engine);
	else
		printf("%s: a weir store, opened with %s\n", f->path, f->queue.engine);
	stat_rows_store(&t, &f->info);
	stat_rows_content(&t, &f->info, &f->stats);
	stat_rows_recovery(&t, &f->stats);
	err = table_print(&t, 2, stdout);
	table_free(&t);
	if (!err && (f->info.devices > 1 || f->stats.failed_ios)) {
		printf("devices:\n");
		err = device_table_print(src, stdout);
	}
	if (!err && f->info.streams > 1) {
		printf("streams:\n");
		err = tenant_print(src, stdout);
	}
	if (err == -ENOMEM)
		return report_error("out of memory");
	return err < 0 ? report_failed(f->path) : 0;
}

/* Adds to CONTENT what was written since the store was opened. */
static int stat_json_writes(json_t *content, const struct weir_store_stats *s)
{
	return json_object_set_new(content, "put_bytes", json_integer((json_int_t)s->put_bytes)) ||
	       json_object_set_new(content, "written_bytes",
				   json_integer((json_int_t)s->written_bytes)) ||
	       json_object_set_new(content, "rewritten_bytes",
				   json_integer((json_int_t)s->survivor_bytes)) ||
	       json_object_set_new(content, "write_amplification",
				   s->put_bytes ? json_real(stat_amplification(s)) : json_null());
}

static json_t *stat_json_content(const struct weir_store_stats *s)
{
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, "
			 "s:I, s:b}",
			 "entries", (json_int_t)s->entries, "live_bytes", (json_int_t)s->live_bytes,
			 "used_segments", (json_int_t)s->used_segments, "free_segments",
			 (json_int_t)s->free_segments, "index_bytes", (json_int_t)s->index_bytes,
			 "sealed_bytes", (json_int_t)s->sealed_bytes, "unused_bytes",
			 (json_int_t)s->unused_bytes, "budget_spent_bytes",
			 (json_int_t)s->budget_spent_bytes, "refused_puts",
			 (json_int_t)s->refused_puts, "refused_bytes", (json_int_t)s->refused_bytes,
			 "background_reclaims", (json_int_t)s->background_reclaims,
			 "inline_reclaims", (json_int_t)s->inline_reclaims, "space_waits",
			 (json_int_t)s->space_wait.count, "space_wait_ns",
			 (json_int_t)s->space_wait.sum_ns, "space_wait_max_ns",
			 (json_int_t)s->space_wait.max_ns, "read_only", (int)s->read_only);
}

static json_t *stat_json_recovery(const struct weir_store_stats *s)
{
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}",
			 "recovery_ns", (json_int_t)s->recovery_ns, "entries",
			 (json_int_t)s->recovered_entries, "open_segments",
			 (json_int_t)s->recovered_open_segments, "bad_footers",
			 (json_int_t)s->recovered_bad_footers, "bad_headers",
			 (json_int_t)s->recovered_bad_headers, "skipped_blocks",
			 (json_int_t)s->recovered_skipped_blocks, "dropped_records",
			 (json_int_t)s->recovered_dropped_records, "contested_keys",
			 (json_int_t)s->recovered_conflicts, "rereads", (json_int_t)s->rereads,
			 "out_of_use", (json_int_t)s->recovered_out_of_use, "unsealed",
			 (json_int_t)s->recovered_unsealed, "bad_superblocks",
			 (json_int_t)s->recovered_bad_superblocks, "aside_segments",
			 (json_int_t)s->aside_segments, "aside_bytes", (json_int_t)s->aside_bytes);
}

static int stat_json_placement(json_t *root, const struct weir_store_info *info)
{
	bool on = info->placement == WEIR_PLACEMENT_STREAM;
	bool asked = info->placement_asked == WEIR_PLACEMENT_STREAM;

	return json_object_set_new(root, "write_budget_bytes",
				   json_integer((json_int_t)info->write_budget)) ||
	       json_object_set_new(root, "free_low", json_integer((json_int_t)info->free_low)) ||
	       json_object_set_new(root, "free_high", json_integer((json_int_t)info->free_high)) ||
	       json_object_set_new(root, "policy", json_string(stat_policy_name(info))) ||
	       json_object_set_new(root, "rewrite_percent", json_integer(info->rewrite_percent)) ||
	       json_object_set_new(root, "placement", json_string(on ? "stream" : "none")) ||
	       json_object_set_new(root, "placement_asked",
				   json_string(asked ? "stream" : "none")) ||
	       json_object_set_new(root, "placement_why",
				   info->placement_why ? json_string(info->placement_why)
						       : json_null());
}

static int stat_print_json(const struct stat_facts *f, struct source *src)
{
	json_t *devices = device_table_json(src), *streams = devices ? tenant_json(src) : NULL;
	json_t *root;
	int pid = source_pid(src);

	/* Another process that has the store open may end meanwhile. */
	if (!streams) {
		json_decref(devices);
		return report_failed(f->path);
	}
	root = describe_store("weir.stat.v1", f->path, &f->info);
	if (root &&
	    (json_object_set_new(root, "pid", pid ? json_integer(pid) : json_null()) ||
	     json_object_set_new(root, "engine", json_string(f->queue.engine)) ||
	     json_object_set_new(root, "engine_why", json_string(f->queue.engine_why)) ||
	     json_object_set_new(root, "scheduler", json_string(f->queue.scheduler)) ||
	     json_object_set_new(root, "content", stat_json_content(&f->stats)) ||
	     stat_json_writes(json_object_get(root, "content"), &f->stats) ||
	     json_object_set_new(root, "recovery", stat_json_recovery(&f->stats)) ||
	     stat_json_placement(root, &f->info) || json_object_set(root, "devices", devices) ||
	     json_object_set(root, "streams", streams))) {
		json_decref(root);
		root = NULL;
	}
	json_decref(devices);
	json_decref(streams);
	return report_json(root, 0);
}

static int stat_print_metrics(struct source *src, const struct stat_args *args)
{
	size_t length = 0;
	char *text = NULL;
	int err = source_metrics(src,
				 args->classic ? WEIR_METRICS_PROMETHEUS : WEIR_METRICS_OPENMETRICS,
				 &text, &length);

	if (!err)
		fwrite(text, 1, length, stdout);
	free(text);
	return err ? report_failed(src->path) : 0;
}

/* Returns 0, or an exit code after the error was printed. */
static int stat_check(const struct stat_args *args)
{
	if (args->metrics && (args->json || args->why))
		return report_usage("--metrics is a format of its own, and goes with neither "
				    "--json nor --why");
	if (args->classic && !args->metrics)
		return report_usage("--classic is a format of --metrics, which is missing");
	if (args->escaped && !args->why)
		return report_usage("--escaped says how the key of --why is written, which is "
				    "missing");
	return 0;
}

/* Prints what the store is and has. */
static int stat_show(struct source *src, const struct stat_args *args)
{
	struct stat_facts f = {
		.path = src->path,
		.info = WEIR_STORE_INFO_INIT,
		.stats = WEIR_STORE_STATS_INIT,
		.queue = WEIR_QUEUE_INFO_INIT,
	};

	if (source_info(src, &f.info) < 0 || source_stats(src, &f.stats) < 0 ||
	    source_queue(src, &f.queue) < 0)
		return report_failed(f.path);
	return args->json ? stat_print_json(&f, src) : stat_print(&f, src);
}

static int stat_why(const char *path, const struct stat_args *args)
{
	struct key key;

	if (key_read(&key, args->why, args->escaped != 0) < 0)
		return report_usage("--why: %s", weir_error());
	return why_print(path, &args->store, &key, args->json != 0);
}

static int stat_run(void *arg, char **operands, int n)
{
	const struct stat_args *args = arg;
	struct source src;
	int exit_code = stat_check(args);

	(void)n;
	if (exit_code)
		return exit_code;
	if (args->why)
		return stat_why(operands[0], args);
	exit_code = source_open(&src, operands[0], &args->store);
	if (exit_code)
		return exit_code;
	exit_code = args->metrics ? stat_print_metrics(&src, args) : stat_show(&src, args);
	return source_close(&src, exit_code);
}

const struct command command_stat = {
	.name = "stat",
	.path = COMMAND_STORE,
	.operands = "PATH",
	.summary = "show the state of a store, and what its recovery found",
	.text = "Opens the store on PATH read-only and recovers it in memory. Prints its\n"
		"properties, how full it is, and what the recovery found. If another process has\n"
		"it open, that process is asked, and its counters are those since it opened it.\n",
	.examples = "weir stat demo.img\n"
		    "weir stat demo.img --why greeting\n"
		    "weir stat demo.img --json | jq .content.entries\n"
		    "weir stat demo.img --metrics\n",
	.options = stat_options,
	.min_operands = 1,
	.max_operands = 1,
	.args_size = sizeof(struct stat_args),
	.run = stat_run,
};
