/* SPDX-License-Identifier: Apache-2.0 */
/*
 * replay_report.c - the results of a replay, as a table and as JSON. Owns nothing; runs after the
 * clients have ended.
 */
#include <inttypes.h>
#include <string.h>

#include "base/nsec.h"
#include "base/parse.h"
#include "cli/replay_report.h"
#include "cli/report.h"
#include "cli/sim.h"
#include "cli/table.h"

#define REPORT_TEXT 160

int replay_report_gather(struct replay_report *p, struct weir_store *store)
{
	int err;

	p->info = (struct weir_store_info)WEIR_STORE_INFO_INIT;
	p->stats = (struct weir_store_stats)WEIR_STORE_STATS_INIT;
	p->queue = (struct weir_queue_info)WEIR_QUEUE_INFO_INIT;
	err = weir_store_get_info(store, &p->info);
	if (!err)
		err = weir_store_get_stats(store, &p->stats);
	if (!err)
		err = weir_queue_get_info(weir_store_queue(store), &p->queue);
	if (err < 0)
		return err;
	snprintf(p->engine, sizeof(p->engine), "%s", p->queue.engine);
	snprintf(p->scheduler, sizeof(p->scheduler), "%s", p->queue.scheduler);
	return 0;
}

static double report_seconds(const struct replay *r)
{
	return (double)(r->end_ns - r->start_ns) / (double)NSEC_PER_SEC;
}

/* Returns BYTES divided by the time of the whole replay. */
static double report_mbps(const struct replay *r, uint64_t bytes)
{
	double seconds = report_seconds(r);

	return seconds > 0 ? (double)bytes / 1e6 / seconds : 0;
}

static double report_hit_rate(const struct replay_totals *t)
{
	return t->blocks ? (double)t->hits / (double)t->blocks : 0;
}

static void report_row_moved(struct table *t, const struct replay *r, const char *name,
			     uint64_t bytes)
{
	char text[REPORT_TEXT], size[32];

	snprintf(text, sizeof(text), "%s, %.0f MB/s", format_size(bytes, size, sizeof(size)),
		 report_mbps(r, bytes));
	table_row(t, name, text);
}

static void report_rows_setting(struct table *t, const struct replay_report *p)
{
	const struct replay_config *config = &p->replay->config;
	char text[REPORT_TEXT], size[32], segment[32];

	snprintf(text, sizeof(text), "%s, %s in segments of %s%s", p->path,
		 format_size(p->info.capacity_bytes, size, sizeof(size)),
		 format_size(p->info.segment_bytes, segment, sizeof(segment)),
		 p->warm ? ", there before" : "");
	table_row(t, "store", text);
	snprintf(text, sizeof(text), "%s, scheduler %s, %u client%s with %u blocks in flight",
		 p->engine, p->scheduler, config->clients, config->clients == 1 ? "" : "s",
		 config->depth);
	table_row(t, "engine", text);
	if (config->speed > 0)
		snprintf(text, sizeof(text), "%.2f s, the trace's time divided by %g",
			 report_seconds(p->replay), config->speed);
	else
		snprintf(text, sizeof(text), "%.2f s, as fast as it goes",
			 report_seconds(p->replay));
	table_row(t, "time", text);
}

static void report_rows_work(struct table *t, const struct replay_report *p)
{
	const struct replay *r = p->replay;
	const struct replay_totals *totals = &r->totals;
	char text[REPORT_TEXT], a[32], b[32];

	snprintf(text, sizeof(text), "%s of %s", table_count(totals->requests, a, sizeof(a)),
		 table_count(r->trace->count, b, sizeof(b)));
	table_row(t, "requests", text);
	snprintf(text, sizeof(text), "%s of %s", table_count(totals->blocks, a, sizeof(a)),
		 format_size(r->config.block_bytes, b, sizeof(b)));
	table_row(t, "blocks", text);
	snprintf(text, sizeof(text), "%s, %.1f %%", table_count(totals->hits, a, sizeof(a)),
		 100 * report_hit_rate(totals));
	table_row(t, "hits", text);
	report_row_moved(t, r, "read", totals->read_bytes);
	report_row_moved(t, r, "written", totals->written_bytes);
	snprintf(text, sizeof(text), "%s segments, %s entries",
		 table_count(p->stats.evicted_segments, a, sizeof(a)),
		 table_count(p->stats.evicted_entries, b, sizeof(b)));
	table_row(t, "evicted", text);
	if (r->config.verify && !totals->verified)
		snprintf(text, sizeof(text), "nothing: no block came from the store");
	else if (r->config.verify)
		snprintf(text, sizeof(text), "%s blocks byte by byte, %s with other bytes",
			 table_count(totals->verified, a, sizeof(a)),
			 table_count(totals->verify_failures, b, sizeof(b)));
	else
		snprintf(text, sizeof(text), "checksums only; --verify compares every byte");
	table_row(t, "verified", text);
	if (totals->present_blocks)
		table_row(t, "there already", table_count(totals->present_blocks, a, sizeof(a)));
	if (totals->refused_blocks)
		table_row(t, "not admitted", table_count(totals->refused_blocks, a, sizeof(a)));
	if (totals->get_errors)
		table_row(t, "failed gets", table_count(totals->get_errors, a, sizeof(a)));
}

static void report_row_latency(struct table *t, const char *name, const struct hist *h)
{
	struct weir_latency l;
	char count[32], p50[32], p99[32], p999[32], max[32];

	hist_summary(h, &l);
	table_row(t, name, table_count(l.count, count, sizeof(count)),
		  format_time(l.p50_ns, p50, sizeof(p50)), format_time(l.p99_ns, p99, sizeof(p99)),
		  format_time(l.p999_ns, p999, sizeof(p999)),
		  format_time(l.max_ns, max, sizeof(max)));
}

static int report_print_latency(const struct replay *r, FILE *out)
{
	struct table t = { .columns = "lrrrrr" };
	int err;

	table_row(&t, "latency", "count", "p50", "p99", "p99.9", "max");
	report_row_latency(&t, "get a block", &r->get);
	report_row_latency(&t, "put a block", &r->put);
	report_row_latency(&t, "load a prompt", &r->load);
	err = table_print(&t, 2, out);
	table_free(&t);
	return err;
}

/* Prints one sentence that summarises the result. */
static void report_sentence(const struct replay_report *p, FILE *out)
{
	const struct replay *r = p->replay;
	const struct replay_totals *t = &r->totals;
	char requests[32], chats[32], blocks[32], segments[32];

	fprintf(out, "%s%s requests", r->interrupted || r->error ? "Ended early: " : "",
		table_count(t->requests, requests, sizeof(requests)));
	/* A part of a trace need not contain all its chats. */
	if (r->trace->chats && t->requests == r->trace->count)
		fprintf(out, " of %s chats", table_count(r->trace->chats, chats, sizeof(chats)));
	fprintf(out, ": %.1f %% of %s KV blocks came from the store", 100 * report_hit_rate(t),
		table_count(t->blocks, blocks, sizeof(blocks)));
	if (t->verify_failures || t->get_errors)
		fprintf(out, ", and some of them were WRONG OR FAILED");
	else if (t->verified)
		fprintf(out, ", with every byte checked");
	if (p->stats.evicted_segments)
		fprintf(out, ", while %s of the oldest segments were reclaimed for new data",
			table_count(p->stats.evicted_segments, segments, sizeof(segments)));
	fprintf(out, ", at %.2f GB/s.\n", report_mbps(r, t->read_bytes + t->written_bytes) / 1000);
}

int replay_report_print(const struct replay_report *p, FILE *out)
{
	struct table t = { .columns = "ll" };
	int err;

	fprintf(out, "%s, replayed\n", p->synthetic ? "A chat service" : p->trace_name);
	report_rows_setting(&t, p);
	report_rows_work(&t, p);
	err = table_print(&t, 2, out);
	table_free(&t);
	if (err < 0)
		return err;
	fprintf(out, "\n");
	err = report_print_latency(p->replay, out);
	if (err < 0)
		return err;
	fprintf(out, "\n");
	report_sentence(p, out);
	return 0;
}

static json_t *report_json_latency(const struct hist *h)
{
	struct weir_latency l;

	hist_summary(h, &l);
	return sim_json_latency(&l, hist_permille(h, 950));
}

/* Returns how many gets and puts took how long. */
static json_t *report_json_ranges(const struct replay *r)
{
	uint64_t range[SIM_RANGES] = { 0 };

	sim_ranges(&r->get, range);
	sim_ranges(&r->put, range);
	return sim_json_ranges(range);
}

static json_t *report_json_setting(const struct replay_report *p)
{
	const struct replay *r = p->replay;

	return json_pack("{s:s, s:o, s:s, s:o, s:b, s:s, s:s, s:I, s:i, s:i, s:o, s:b}", "schema",
			 "weir.replay.v1", "trace", report_text(p->trace_name), "trace_format",
			 p->synthetic ? "synthetic" : trace_format_name(r->trace->format), "store",
			 report_text(p->path), "warm", (int)p->warm, "engine", p->engine,
			 "scheduler", p->scheduler, "block_bytes",
			 (json_int_t)r->config.block_bytes, "depth", (int)r->config.depth,
			 "clients", (int)r->config.clients, "speed",
			 r->config.speed > 0 ? json_real(r->config.speed) : json_string("max"),
			 "verify", (int)r->config.verify);
}

static json_t *report_json_work(const struct replay_report *p)
{
	const struct replay *r = p->replay;
	const struct replay_totals *t = &r->totals;

	return json_pack("{s:f, s:b, s:I, s:I, s:I, s:I, s:f, s:I, s:I, s:I, s:I, s:I, s:f, s:f, "
			 "s:I, s:I, s:I, s:I, s:I, s:I, s:I}",
			 "seconds", report_seconds(r), "complete", !r->interrupted && !r->error,
			 "requests", (json_int_t)t->requests, "chats", (json_int_t)r->trace->chats,
			 "blocks", (json_int_t)t->blocks, "hits", (json_int_t)t->hits, "hit_rate",
			 report_hit_rate(t), "put_blocks", (json_int_t)t->put_blocks,
			 "present_blocks", (json_int_t)t->present_blocks, "refused_blocks",
			 (json_int_t)t->refused_blocks, "read_bytes", (json_int_t)t->read_bytes,
			 "written_bytes", (json_int_t)t->written_bytes, "read_mbps",
			 report_mbps(r, t->read_bytes), "write_mbps",
			 report_mbps(r, t->written_bytes), "verified_blocks",
			 (json_int_t)t->verified, "verify_failures", (json_int_t)t->verify_failures,
			 "get_errors", (json_int_t)t->get_errors, "evicted_segments",
			 (json_int_t)p->stats.evicted_segments, "evicted_entries",
			 (json_int_t)p->stats.evicted_entries, "rewritten_entries",
			 (json_int_t)p->stats.survivors, "device_written_bytes",
			 (json_int_t)p->stats.written_bytes);
}

static json_t *report_json_check(const struct replay_check *check)
{
	return json_pack("{s:I, s:I, s:I}", "checked", (json_int_t)check->checked, "missing",
			 (json_int_t)check->missing, "wrong", (json_int_t)check->wrong);
}

json_t *replay_report_json(const struct replay_report *p)
{
	const struct replay *r = p->replay;
	json_t *root = report_json_setting(p);
	json_t *work = report_json_work(p);
	int bad = !root || !work || json_object_update(root, work);

	json_decref(work);
	bad = bad || json_object_set_new(root, "get", report_json_latency(&r->get)) ||
	      json_object_set_new(root, "put", report_json_latency(&r->put)) ||
	      json_object_set_new(root, "load", report_json_latency(&r->load)) ||
	      json_object_set_new(root, "ranges", report_json_ranges(r)) ||
	      (p->check && json_object_set_new(root, "acks", report_json_check(p->check)));
	if (!bad)
		return root;
	json_decref(root);
	return NULL;
}
