/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stats.c - what a store is and what it did. Counters belong to the loop, so a small operation
 * fetches them; facts never change and are read by any thread.
 */
#include <errno.h>
#include <string.h>

#include <weir/tenant.h>

#include "base/error.h"
#include "base/opts.h"
#include "store/impl.h"

static int stats_fill(struct weir_store *s, void *user)
{
	struct weir_store_stats *out = user;

	*out = s->stats;
	out->size = sizeof(*out);
	out->entries = s->index.entries;
	out->live_bytes = s->index.live_bytes;
	out->index_bytes = s->index.bytes;
	out->free_segments = s->free_count;
	/* Also while they are begun or reclaimed, or out of use: nobody else can have them. */
	out->used_segments = s->lay->segments - s->free_count;
	out->read_only = s->read_only || s->broken;
	hist_summary(&s->put_hist, &out->put);
	hist_summary(&s->get_hist, &out->get);
	return 0;
}

int weir_store_get_stats(struct weir_store *s, struct weir_store_stats *stats)
{
	struct weir_store_stats all;
	int err = wait_call(s, stats_fill, &all);

	return err ? err : opts_give(stats, stats->size, &all, sizeof(all));
}

int weir_store_get_info(struct weir_store *s, struct weir_store_info *info)
{
	struct weir_store_info all = {
		.size = sizeof(all),
		.version = DISK_VERSION,
		.block_bytes = s->lay->block_bytes,
		.capacity_bytes = s->lay->capacity_bytes,
		.segment_bytes = s->lay->segment_bytes,
		.max_value_bytes = s->lay->max_value_bytes,
		.segments = s->lay->segments,
		.epoch = s->super.epoch,
		.placement_asked = s->super.placement ? WEIR_PLACEMENT_STREAM : WEIR_PLACEMENT_NONE,
		.placement = s->fdp ? WEIR_PLACEMENT_STREAM : WEIR_PLACEMENT_NONE,
		.placement_why = s->placing_why[0] ? s->placing_why : NULL,
	};
	int err = store_check_process(s);

	if (err)
		return err;
	/* These change while the store is open. */
	all.revision = __atomic_load_n(&s->super.revision, __ATOMIC_RELAXED);
	all.streams = __atomic_load_n(&s->super.streams, __ATOMIC_RELAXED);
	all.tenants = __atomic_load_n(&s->super.tenants, __ATOMIC_RELAXED);
	memcpy(all.uuid, s->super.uuid, sizeof(all.uuid));
	return opts_give(info, info->size, &all, sizeof(all));
}

struct weir_queue *weir_store_queue(struct weir_store *s)
{
	return s->q;
}

struct stream_question {
	uint32_t stream;
	struct weir_store_stream *info;
};

static uint32_t stats_tenants(const struct weir_store *s, uint32_t stream)
{
	uint32_t n, found = 0;

	for (n = 0; n < s->super.tenants; n++)
		found += le32toh(s->super.tenant[n].stream) == stream;
	return found;
}

static int stats_stream(struct weir_store *s, void *user)
{
	const struct stream_question *ask = user;
	const struct log *l;

	if (ask->stream >= s->super.streams)
		return -ENOENT;
	l = s->logs[ask->stream];
	*ask->info = (struct weir_store_stream){
		.size = sizeof(*ask->info),
		.tenants = stats_tenants(s, ask->stream),
		.placement = l->placing.placed ? l->placing.id : -1,
		.sharing = placing_sharing(l),
		.segments = l->used_segments,
		.entries = l->entries,
		.live_bytes = l->live_bytes,
		.written_bytes = l->written_bytes,
		.evicted_segments = l->evicted_segments,
	};
	return 0;
}

int weir_store_get_stream(struct weir_store *s, uint32_t stream, struct weir_store_stream *info)
{
	struct weir_store_stream all;
	struct stream_question ask = { stream, &all };
	int err = wait_call(s, stats_stream, &ask);

	if (err == -ENOENT)
		return error_set(err, "no stream %u: the store has %u", stream,
				 __atomic_load_n(&s->super.streams, __ATOMIC_RELAXED));
	return err ? err : opts_give(info, info->size, &all, sizeof(all));
}
