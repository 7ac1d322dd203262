/* SPDX-License-Identifier: Apache-2.0 */
/*
 * parts.h - what was merged into the request of a tag, and when the tag was last given back. The
 * records of a lane come in the order in which they were made. One thread.
 */
#ifndef TRACE_PARTS_H
#define TRACE_PARTS_H

#include "trace/sink.h"

#define PARTS_TAGS 65536u

struct parts_tag {
	uint64_t ended;
	uint64_t front, all; /* sectors that were merged, at the front and in all */
};

struct parts {
	struct parts_tag **lane; /* PARTS_TAGS of each, made when they are needed */
	uint32_t nr_lanes;
};

/* 0 or -ENOMEM. */
int parts_init(struct parts *parts, uint32_t nr_lanes);
void parts_destroy(struct parts *parts);
/* Fills in what E, of a record with a beginning, takes from earlier records, and notes what R says.
 * 0 or -ENOMEM. */
int parts_note(struct parts *parts, const struct trace_record *r, struct sink_event *e);

#endif
