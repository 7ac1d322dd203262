/* SPDX-License-Identifier: Apache-2.0 */
/*
 * top_sample.h - what `weir top` knows of a store at a moment, and what happened between two
 * moments. One thread.
 */
#ifndef CLI_TOP_SAMPLE_H
#define CLI_TOP_SAMPLE_H

#include <stdbool.h>

#include "base/hist.h"
#include "cli/source.h"

#define TOP_NAME 32u
#define TOP_TENANT 64u
#define TOP_REASONS 16u
#define TOP_GAUGES 8u
#define TOP_STREAMS 32u

enum top_way { TOP_READ, TOP_WRITE, TOP_WAYS };

/* The ios of a lane in one direction. */
struct top_op {
	uint64_t ios, bytes;
	struct hist wait, device; /* ns above the drive, and in it */
};

struct top_lane {
	uint32_t device, lane; /* from 1 on, and from 0 on, as `weir stat` counts */
	char sched[TOP_NAME];
	uint64_t in_flight, in_flight_bytes; /* now */
	uint64_t tag_waits;
	struct top_op op[TOP_WAYS];
	struct {
		char name[TOP_NAME];
		uint64_t count;
	} reason[TOP_REASONS];
	struct {
		char name[TOP_NAME];
		int64_t value; /* now */
	} gauge[TOP_GAUGES];
	unsigned nr_reasons, nr_gauges;
};

struct top_stream {
	bool there;
	uint64_t keys; /* now */
	uint64_t bytes[TOP_WAYS];
	struct hist took[TOP_WAYS]; /* gets, puts */
	char tenants[TOP_TENANT];   /* their names, with commas; can be shown as they are */
};

struct top_sample {
	uint64_t now_ns; /* of the owner's clock */
	struct top_lane *lane;
	unsigned nr_lanes;
	struct top_stream stream[TOP_STREAMS];
};

/* Asks the owner of SRC. Returns 0 or -errno with words. */
int top_sample_take(struct source *src, struct top_sample *sample);
void top_sample_free(struct top_sample *sample);

/* Makes OUT a copy of SAMPLE. 0 or -ENOMEM with words. */
int top_sample_copy(struct top_sample *out, const struct top_sample *sample);

/*
 * Makes CUR what happened since BEFORE, in *SECONDS: counters become differences; what is marked as
 * "now" stays. A lane that has another scheduler than before has no reasons from before.
 */
void top_sample_since(struct top_sample *cur, const struct top_sample *before, double *seconds);

/* How many values H has. */
uint64_t top_count(const struct hist *h);

#endif
