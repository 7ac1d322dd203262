/* SPDX-License-Identifier: Apache-2.0 */
/* top_sample.c - asks for what a store has done and reads the answer. See top_sample.h;
 * docs/control.md has the lines of the answer. */
#include "cli/top_sample.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/visible.h"

void top_sample_free(struct top_sample *sample)
{
	free(sample->lane);
	sample->lane = NULL;
	sample->nr_lanes = 0;
}

/* Returns the lane of that number, which is made if it is new; NULL: no memory. */
static struct top_lane *top_lane_of(struct top_sample *s, uint32_t device, uint32_t lane)
{
	struct top_lane *bigger;

	for (unsigned i = 0; i < s->nr_lanes; i++)
		if (s->lane[i].device == device && s->lane[i].lane == lane)
			return &s->lane[i];
	bigger = reallocarray(s->lane, s->nr_lanes + 1, sizeof(*bigger));
	if (!bigger)
		return NULL;
	s->lane = bigger;
	bigger += s->nr_lanes++;
	memset(bigger, 0, sizeof(*bigger));
	bigger->device = device;
	bigger->lane = lane;
	return bigger;
}

/* Reads "SUM MAX BUCKET:COUNT ..." into H. */
static void top_read_hist(struct hist *h, const char *text)
{
	char *end;

	h->sum = strtoull(text, &end, 10);
	h->max = strtoull(end, &end, 10);
	while (*end == ' ') {
		uint32_t bucket = (uint32_t)strtoul(end, &end, 10);

		if (*end != ':' || bucket >= HIST_BUCKETS)
			return;
		h->bucket[bucket] = strtoull(end + 1, &end, 10);
	}
}

static enum top_way top_way_of(const char *word)
{
	return !strcmp(word, "read") || !strcmp(word, "get") ? TOP_READ : TOP_WRITE;
}

/* Reads the rest of a line about a lane, behind KIND and the numbers. */
static void top_read_lane(struct top_lane *l, const char *kind, const char *rest)
{
	char word[TOP_NAME], part[TOP_NAME];
	uint64_t n[3];
	int at = 0;

	if (!strcmp(kind, "lane")) {
		sscanf(rest, "%31s %" SCNu64 " %" SCNu64 " %" SCNu64, l->sched, &l->in_flight,
		       &l->in_flight_bytes, &l->tag_waits);
	} else if (!strcmp(kind, "ios")) {
		if (sscanf(rest, "%31s %" SCNu64 " %" SCNu64, word, &n[0], &n[1]) == 3) {
			l->op[top_way_of(word)].ios = n[0];
			l->op[top_way_of(word)].bytes = n[1];
		}
	} else if (!strcmp(kind, "reason") && l->nr_reasons < TOP_REASONS) {
		if (sscanf(rest, "%31s %" SCNu64, word, &n[0]) == 2) {
			memcpy(l->reason[l->nr_reasons].name, word, TOP_NAME);
			l->reason[l->nr_reasons++].count = n[0];
		}
	} else if (!strcmp(kind, "gauge") && l->nr_gauges < TOP_GAUGES) {
		if (sscanf(rest, "%31s %" SCNd64, word, &l->gauge[l->nr_gauges].value) == 2)
			memcpy(l->gauge[l->nr_gauges++].name, word, TOP_NAME);
	} else if (!strcmp(kind, "took")) {
		struct top_op *op;

		if (sscanf(rest, "%31s %31s %n", word, part, &at) < 2 || !at)
			return;
		op = &l->op[top_way_of(word)];
		top_read_hist(!strcmp(part, "wait") ? &op->wait : &op->device, rest + at);
	}
}

/* Reads a line about a stream, behind the word that begins it. */
static void top_read_stream(struct top_sample *s, const char *rest)
{
	struct top_stream *stream;
	char word[TOP_NAME], *end;
	unsigned n;
	int at = 0;

	if (sscanf(rest, "%u %31s %n", &n, word, &at) < 2 || n >= TOP_STREAMS || !at)
		return;
	stream = &s->stream[n];
	stream->there = true;
	if (!strcmp(word, "keys")) {
		stream->keys = strtoull(rest + at, NULL, 10);
	} else if (!strcmp(word, "get") || !strcmp(word, "put")) {
		stream->bytes[top_way_of(word)] = strtoull(rest + at, &end, 10);
		top_read_hist(&stream->took[top_way_of(word)], end);
	}
}

/* Reads a line. Lines of a newer owner that this program does not know are left out. */
static int top_read_line(struct top_sample *s, const char *line)
{
	char kind[TOP_NAME];
	unsigned device, lane;
	struct top_lane *l;
	int at = 0;

	if (sscanf(line, "time %" SCNu64, &s->now_ns) == 1)
		return 0;
	if (!strncmp(line, "stream ", 7)) {
		top_read_stream(s, line + 7);
		return 0;
	}
	if (sscanf(line, "%31s %u %u %n", kind, &device, &lane, &at) < 3 || !at)
		return 0;
	l = top_lane_of(s, device, lane);
	if (!l)
		return error_sys(-ENOMEM, "a lane");
	top_read_lane(l, kind, line + at);
	return 0;
}

/* Adds the names of the tenants to their streams. */
static int top_read_tenants(struct source *src, struct top_sample *s)
{
	struct weir_store_tenant t = WEIR_STORE_TENANT_INIT;
	char name[TOP_TENANT];
	int err;

	for (uint32_t row = 0; !(err = source_tenant(src, row, &t)); row++) {
		char *to;
		size_t used;

		if (t.stream >= TOP_STREAMS)
			continue;
		to = s->stream[t.stream].tenants;
		used = strlen(to);
		visible(name, sizeof(name), t.name);
		for (char *c = name; *c; c++)
			if (*c == '\n')
				*c = '?';
		snprintf(to + used, TOP_TENANT - used, "%s%s", used ? "," : "", name);
	}
	return err == -ENOENT ? 0 : err;
}

int top_sample_take(struct source *src, struct top_sample *sample)
{
	char *text = NULL, *rest, *line;
	size_t length;
	int err = source_load(src, &text, &length);

	memset(sample, 0, sizeof(*sample));
	rest = text;
	while (!err && rest && (line = strsep(&rest, "\n")))
		err = top_read_line(sample, line);
	free(text);
	if (!err && !src->queue)
		err = top_read_tenants(src, sample);
	if (err)
		top_sample_free(sample);
	return err;
}

int top_sample_copy(struct top_sample *out, const struct top_sample *sample)
{
	size_t bytes = sample->nr_lanes * sizeof(*sample->lane);

	*out = *sample;
	out->lane = malloc(bytes ? bytes : 1);
	if (!out->lane)
		return error_sys(-ENOMEM, "the figures of the lanes");
	if (bytes)
		memcpy(out->lane, sample->lane, bytes);
	return 0;
}

uint64_t top_count(const struct hist *h)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < HIST_BUCKETS; i++)
		n += h->bucket[i];
	return n;
}

/* A counter that is lower than before began anew. */
static uint64_t top_minus(uint64_t now, uint64_t before)
{
	return now >= before ? now - before : now;
}

/* The maximum of a difference is not known: it is at most that of all. */
static void top_hist_since(struct hist *h, const struct hist *before)
{
	h->sum = top_minus(h->sum, before->sum);
	for (unsigned i = 0; i < HIST_BUCKETS; i++)
		h->bucket[i] = top_minus(h->bucket[i], before->bucket[i]);
}

static void top_lane_since(struct top_lane *l, const struct top_lane *before)
{
	bool same = !strcmp(l->sched, before->sched);

	l->tag_waits = top_minus(l->tag_waits, before->tag_waits);
	for (int way = 0; way < TOP_WAYS; way++) {
		struct top_op *op = &l->op[way];

		op->ios = top_minus(op->ios, before->op[way].ios);
		op->bytes = top_minus(op->bytes, before->op[way].bytes);
		top_hist_since(&op->wait, &before->op[way].wait);
		top_hist_since(&op->device, &before->op[way].device);
	}
	for (unsigned i = 0; same && i < l->nr_reasons && i < before->nr_reasons; i++)
		l->reason[i].count = top_minus(l->reason[i].count, before->reason[i].count);
}

void top_sample_since(struct top_sample *cur, const struct top_sample *before, double *seconds)
{
	*seconds = (double)top_minus(cur->now_ns, before->now_ns) / 1e9;
	if (*seconds <= 0)
		*seconds = 1e-9;
	for (unsigned i = 0; i < cur->nr_lanes; i++)
		for (unsigned k = 0; k < before->nr_lanes; k++)
			if (cur->lane[i].device == before->lane[k].device &&
			    cur->lane[i].lane == before->lane[k].lane)
				top_lane_since(&cur->lane[i], &before->lane[k]);
	for (unsigned i = 0; i < TOP_STREAMS; i++)
		for (int way = 0; way < TOP_WAYS; way++) {
			cur->stream[i].bytes[way] =
				top_minus(cur->stream[i].bytes[way], before->stream[i].bytes[way]);
			top_hist_since(&cur->stream[i].took[way], &before->stream[i].took[way]);
		}
}
