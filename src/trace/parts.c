/* SPDX-License-Identifier: Apache-2.0 */
/* parts.c - what was merged into the request of a tag. See parts.h. */
#include "trace/parts.h"

#include <errno.h>
#include <stdlib.h>

#define PARTS_SECTOR_SHIFT 9

int parts_init(struct parts *parts, uint32_t nr_lanes)
{
	parts->nr_lanes = nr_lanes;
	parts->lane = calloc(nr_lanes ? nr_lanes : 1, sizeof(*parts->lane));
	return parts->lane ? 0 : -ENOMEM;
}

void parts_destroy(struct parts *parts)
{
	for (uint32_t i = 0; parts->lane && i < parts->nr_lanes; i++)
		free(parts->lane[i]);
	free(parts->lane);
}

static void parts_add(struct parts_tag *tag, uint64_t sectors, uint8_t side)
{
	tag->all += sectors;
	if (side == TRACE_FRONT)
		tag->front += sectors;
}

int parts_note(struct parts *parts, const struct trace_record *r, struct sink_event *e)
{
	struct parts_tag *tags = parts->lane[e->lane], *tag;

	if (!tags)
		tags = parts->lane[e->lane] = calloc(PARTS_TAGS, sizeof(*tags));
	if (!tags)
		return -ENOMEM;
	tag = &tags[r->tag];
	e->sector = r->offset >> PARTS_SECTOR_SHIFT;
	e->sectors = r->sectors;
	e->tagged = r->tagged;
	if (r->kind == TRACE_MERGED) {
		parts_add(tag, r->sectors, r->detail);
		return 0;
	}
	if (r->kind == TRACE_JOINED)
		parts_add(&tags[r->other], r->sectors, r->detail);
	/* Records may have been lost: then no merge is believed. */
	if (tag->all < r->sectors) {
		e->sector += tag->front;
		e->sectors -= (uint32_t)tag->all;
	}
	e->tagged = tag->ended > r->tagged ? tag->ended : r->tagged;
	*tag = (struct parts_tag){ .ended = r->at };
	return 0;
}
