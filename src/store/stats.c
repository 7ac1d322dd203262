/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stats.c - what a store is and what it did. Counters belong to the loop, so a small operation gets
 * them. Facts never change, so any thread reads them.
 */
#include <errno.h>
#include <string.h>

#include <weir/tenant.h>

#include "base/error.h"
#include "base/opts.h"
#include "queue/loop.h"
#include "store/parts.h"

static void stats_fill_recovered(struct weir_store_stats *out, const struct recover_counts *found)
{
	out->recovery_ns = found->ns;
	out->recovered_entries = found->entries;
	out->recovered_open_segments = found->open_segments;
	out->recovered_bad_footers = found->bad_footers;
	out->recovered_bad_headers = found->bad_headers;
	out->recovered_skipped_blocks = found->skipped_blocks;
	out->recovered_dropped_records = found->dropped_records;
	out->recovered_conflicts = found->conflicts;
	out->recovered_unsealed = found->unsealed;
	out->recovered_bad_superblocks = found->bad_supers;
}

/* Returns what is spent of the write budget now. */
static uint64_t stats_spent(const struct weir_store *s)
{
	struct spend spend = s->io.wear.spend;

	spend_advance(&spend, loop_now(s->io.q));
	return spend.per_day ? spend.spent : 0;
}

int stats_fill(struct weir_store *s, void *user)
{
	struct weir_store_stats *out = user;

	const struct io_counts *io = &s->io.counts;
	struct log_counts logs;

	logs_count(s->logs, &logs);
	*out = (struct weir_store_stats){
		.size = sizeof(*out),
		.entries = logs.entries,
		.live_bytes = logs.live_bytes,
		.recovered_out_of_use = s->io.super.out_count,
		.index_bytes = logs.index_bytes,
		.free_segments = logs.free_segments,
		/* Segments that are begun, reclaimed or out of use count too: nobody else can have
		 * them. */
		.used_segments = logs.segments - logs.free_segments,
		.read_only = s->io.read_only || s->io.broken,
		.puts = io->puts,
		.put_bytes = io->put_bytes,
		.gets = io->gets,
		.hits = io->hits,
		.get_bytes = io->get_bytes,
		.deletes = io->deletes,
		.flushes = io->flushes,
		.at_risk = io->at_risk,
		.written_bytes = io->written_bytes,
		.evicted_segments = logs.evicted_segments,
		.evicted_entries = logs.evicted_entries,
		.damaged_entries = logs.damaged_entries,
		.survivors = logs.survivors,
		.survivor_bytes = logs.survivor_bytes,
		.put_waits = logs.put_waits,
		.writing_bytes = logs.writing_bytes,
		.checksum_errors = s->reads.checksum_errors,
		.ghost_bytes = logs.ghost_bytes,
		.scrub_passes = __atomic_load_n(&s->scrub.counts.passes, __ATOMIC_RELAXED),
		.scrub_bytes = __atomic_load_n(&s->scrub.counts.bytes, __ATOMIC_RELAXED),
		.scrub_damaged = __atomic_load_n(&s->scrub.counts.damaged, __ATOMIC_RELAXED),
		.scrub_dropped = __atomic_load_n(&s->scrub.counts.dropped, __ATOMIC_RELAXED),
		.scrub_read_errors =
			__atomic_load_n(&s->scrub.counts.read_errors, __ATOMIC_RELAXED),
		.scrub_slowed = __atomic_load_n(&s->scrub.counts.slowed, __ATOMIC_RELAXED),
		.rereads = s->reads.rereads + s->recovered.rereads,
		.failed_ios = s->io.failing.ios,
		.refused_puts = logs.refused,
		.refused_bytes = logs.refused_bytes,
		.background_reclaims = logs.background_reclaims,
		.inline_reclaims = logs.inline_reclaims,
		.budget_spent_bytes = stats_spent(s),
		.sealed_bytes = logs.sealed_bytes,
		.unused_bytes = logs.unused_bytes,
		.aside_segments = logs.aside_segments,
		.aside_bytes = logs.aside_bytes,
	};
	stats_fill_recovered(out, &s->recovered);
	hist_summary(&io->put_hist, &out->put);
	hist_summary(&io->get_hist, &out->get);
	hist_summary(logs.space_wait, &out->space_wait);
	return 0;
}

/* Returns the write budget of a part. It may change while the store is open. */
static uint64_t stats_budget(const struct weir_store *part)
{
	return __atomic_load_n(&part->io.super.write_budget, __ATOMIC_RELAXED);
}

/* Adds the marks of PART to ALL. */
static void stats_add_marks(const struct weir_store *part, struct weir_store_info *all)
{
	uint32_t low, high;

	logs_get_marks(part->logs, &low, &high);
	all->free_low += low;
	all->free_high += high;
}

/* Makes sums of what ALL has of one device. */
static void stats_add_parts(struct weir_store *s, struct weir_store_info *all)
{
	struct weir_store *part;
	uint32_t n;

	all->devices = parts_count(s);
	all->devices_missing = s->parts ? s->parts->missing : 0;
	PARTS_FOREACH(s, part, n)
	{
		stats_add_marks(part, all);
		if (part == s)
			continue;
		all->capacity_bytes += part->io.lay->capacity_bytes;
		all->segments += part->io.lay->segments;
		all->write_budget += stats_budget(part);
		if (part->io.lay->max_value_bytes < all->max_value_bytes)
			all->max_value_bytes = part->io.lay->max_value_bytes;
	}
}

int weir_store_get_info(struct weir_store *s, struct weir_store_info *info)
{
	struct weir_store_info all = {
		.size = sizeof(all),
		.version = DISK_VERSION,
		.block_bytes = s->io.lay->block_bytes,
		.capacity_bytes = s->io.lay->capacity_bytes,
		.segment_bytes = s->io.lay->segment_bytes,
		.max_value_bytes = s->io.lay->max_value_bytes,
		.segments = s->io.lay->segments,
		.epoch = s->io.super.epoch,
		.placement_asked =
			s->io.super.placement ? WEIR_PLACEMENT_STREAM : WEIR_PLACEMENT_NONE,
	};
	int err = store_check_process(s);

	if (err)
		return err;
	stats_add_parts(s, &all);
	all.control_path = s->control_path;
	all.control_why = s->control_why[0] ? s->control_why : NULL;
	if (log_placement_is_on(s->logs, &all.placement_why))
		all.placement = WEIR_PLACEMENT_STREAM;
	else
		all.placement = WEIR_PLACEMENT_NONE;
	logs_get_policy(s->logs, &all.policy, &all.rewrite_percent);
	/* These change while the store is open. */
	all.revision = __atomic_load_n(&s->io.super.revision, __ATOMIC_RELAXED);
	all.streams = __atomic_load_n(&s->io.super.streams, __ATOMIC_RELAXED);
	all.write_budget += stats_budget(s);
	all.tenants = __atomic_load_n(&s->io.super.tenants, __ATOMIC_RELAXED);
	memcpy(all.uuid, s->io.super.uuid, sizeof(all.uuid));
	return opts_give(info, OPTS_SIZE(info), &all, sizeof(all));
}

struct weir_queue *weir_store_queue(struct weir_store *s)
{
	return s->io.q;
}

struct stream_question {
	uint32_t stream;
	struct weir_store_stream *info;
};

static uint32_t stats_tenants(const struct weir_store *s, uint32_t stream)
{
	uint32_t n, found = 0;

	for (n = 0; n < s->io.super.tenants; n++)
		found += le32toh(s->io.super.tenant[n].stream) == stream;
	return found;
}

static int stats_stream(struct weir_store *s, void *user)
{
	const struct stream_question *ask = user;

	if (ask->stream >= s->io.super.streams)
		return -ENOENT;
	logs_describe(s->logs, ask->stream, ask->info);
	ask->info->tenants = stats_tenants(s, ask->stream);
	return 0;
}

/* Adds up what the stream has on each device. The first one has all streams; another one that
 * failed when the tenant was added may lack it, and then has nothing of it. */
static int stats_add_stream(struct weir_store *s, uint32_t stream, struct weir_store_stream *all)
{
	struct weir_store_stream one;
	struct stream_question ask = { stream, &one };
	struct weir_store *part;
	uint32_t n;
	int err = 0;

	PARTS_FOREACH(s, part, n)
	{
		ask.info = part == s ? all : &one;
		err = wait_call(part, stats_stream, &ask);
		if (part == s ? !err : err == -ENOENT)
			continue;
		if (err)
			return err;
		all->segments += one.segments;
		all->entries += one.entries;
		all->live_bytes += one.live_bytes;
		all->written_bytes += one.written_bytes;
		all->evicted_segments += one.evicted_segments;
	}
	return 0;
}

int weir_store_get_stream(struct weir_store *s, uint32_t stream, struct weir_store_stream *info)
{
	struct weir_store_stream all;
	int err = stats_add_stream(s, stream, &all);

	if (err == -ENOENT)
		return error_set(err, "no stream %u: the store has %u", stream,
				 __atomic_load_n(&s->io.super.streams, __ATOMIC_RELAXED));
	return err ? err : opts_give(info, OPTS_SIZE(info), &all, sizeof(all));
}
