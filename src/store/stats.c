/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stats.c - what a store is and what it did. Counters belong to the loop, so a small operation
 * fetches them; facts never change and are read by any thread.
 */
#include <string.h>

#include "base/opts.h"
#include "store/impl.h"

static uint64_t stats_used_segments(const struct weir_store *s)
{
	const struct log *l;
	uint64_t n = 0;
	uint32_t i;

	LOGS_FOREACH(s, l, i)
	n += l->used_segments;
	return n;
}

void stats_op(struct weir_store *s, struct weir_store_op *op)
{
	struct weir_store_stats *out = op->s_private;

	*out = s->stats;
	out->size = sizeof(*out);
	out->entries = s->index.entries;
	out->live_bytes = s->index.live_bytes;
	out->index_bytes = s->index.bytes;
	out->free_segments = s->free_count;
	out->used_segments = stats_used_segments(s);
	out->read_only = s->read_only || s->broken;
	hist_summary(&s->put_hist, &out->put);
	hist_summary(&s->get_hist, &out->get);
	op_end(s, op, 0);
}

int weir_store_stats(struct weir_store *s, struct weir_store_stats *stats)
{
	struct weir_store_stats all;
	struct weir_store_op op = { .kind = OP_STATS, .s_private = &all };
	int rc = wait_allowed();

	if (!rc)
		rc = op_post(s, &op);
	if (rc)
		return rc;
	wait_op(s, &op);
	return opts_give(stats, stats->size, &all, sizeof(all));
}

int weir_store_info(struct weir_store *s, struct weir_store_info *info)
{
	struct weir_store_info all = { .size = sizeof(all),
				       .version = DISK_VERSION,
				       .block_bytes = s->lay->block_bytes,
				       .capacity_bytes = s->lay->capacity_bytes,
				       .segment_bytes = s->lay->segment_bytes,
				       .max_value_bytes = s->lay->max_value_bytes,
				       .segments = s->lay->segments,
				       .epoch = s->super.epoch,
				       .revision = s->super.revision };

	memcpy(all.uuid, s->super.uuid, sizeof(all.uuid));
	return opts_give(info, info->size, &all, sizeof(all));
}

struct weir_queue *weir_store_queue(struct weir_store *s)
{
	return s->q;
}
