/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sweep.c - from records, which come in the order of completions, to events in the order of time.
 *
 * Events wait in a heap until nothing earlier can come. Each chunk says when its first request was
 * submitted; the least of all chunks that are still to come is the time up to which the heap is
 * complete. So it holds as much as the longest request took, and not the whole trace.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "trace/parts.h"

struct sweep {
	struct sink *sink;
	const struct sink_ops *ops;
	struct sink_event *heap;
	size_t nr, room;
	struct parts parts;
	uint64_t order;
	int err;
};

static bool sweep_before(const struct sink_event *a, const struct sink_event *b)
{
	return a->at != b->at ? a->at < b->at : a->order < b->order;
}

static void sweep_swap(struct sink_event *a, struct sink_event *b)
{
	struct sink_event c = *a;

	*a = *b;
	*b = c;
}

static void sweep_push(struct sweep *s, const struct sink_event *e)
{
	size_t i = s->nr;

	if (s->nr == s->room) {
		size_t room = s->room ? 2 * s->room : 4096;
		struct sink_event *heap = realloc(s->heap, room * sizeof(*heap));

		if (!heap) {
			s->err = -ENOMEM;
			return;
		}
		s->heap = heap;
		s->room = room;
	}
	s->heap[s->nr++] = *e;
	for (; i && sweep_before(&s->heap[i], &s->heap[(i - 1) / 2]); i = (i - 1) / 2)
		sweep_swap(&s->heap[i], &s->heap[(i - 1) / 2]);
}

static void sweep_pop(struct sweep *s, struct sink_event *e)
{
	size_t i = 0, child;

	CHECK(s->nr);
	*e = s->heap[0];
	s->heap[0] = s->heap[--s->nr];
	while ((child = 2 * i + 1) < s->nr) {
		if (child + 1 < s->nr && sweep_before(&s->heap[child + 1], &s->heap[child]))
			child++;
		if (!sweep_before(&s->heap[child], &s->heap[i]))
			break;
		sweep_swap(&s->heap[child], &s->heap[i]);
		i = child;
	}
}

static void sweep_push_at(struct sweep *s, struct sink_event *e, enum sink_what what, uint64_t at)
{
	e->what = what;
	e->at = at;
	e->order = s->order++;
	sweep_push(s, e);
}

/* Pushes what happened to the request or io of R. A later step is never before an earlier one,
 * although other threads read the clock for the first. */
static void sweep_push_steps(struct sweep *s, const struct trace_record *r, struct sink_event *e)
{
	uint64_t queued, issued, at;

	if (parts_note(&s->parts, r, e)) {
		s->err = -ENOMEM;
		return;
	}
	if (r->kind == TRACE_MERGED) {
		sweep_push_at(s, e, SINK_QUEUED, r->queued < r->at ? r->queued : r->at);
		sweep_push_at(s, e, SINK_MERGED, r->at);
		return;
	}
	at = r->at > e->tagged ? r->at : e->tagged;
	queued = r->queued < e->tagged ? r->queued : e->tagged;
	sweep_push_at(s, e, SINK_QUEUED, queued);
	sweep_push_at(s, e, SINK_TAGGED, e->tagged);
	if (r->kind == TRACE_JOINED) {
		sweep_push_at(s, e, SINK_MERGED, at);
		return;
	}
	issued = r->issued > e->tagged ? r->issued : e->tagged;
	sweep_push_at(s, e, SINK_ISSUED, issued < at ? issued : at);
	sweep_push_at(s, e, SINK_ENDED, at);
}

static void sweep_record(struct sweep *s, const struct trace_record *r, uint32_t lane)
{
	struct sink_event e = { .record = r, .lane = lane };

	if (r->kind <= TRACE_JOINED)
		sweep_push_steps(s, r, &e);
	else
		sweep_push_at(s, &e, r->kind == TRACE_REQUEUED ? SINK_REQUEUED : SINK_GAUGED,
			      r->at);
}

/* Gives the sink everything before UNTIL. */
static void sweep_emit(struct sweep *s, uint64_t until)
{
	struct sink_event e;

	while (s->nr && s->heap[0].at < until) {
		sweep_pop(s, &e);
		s->ops->event(s->sink, &e);
	}
}

static size_t sweep_chunk_bytes(const struct ring_chunk *chunk)
{
	return sizeof(*chunk) - (RING_RECORDS - chunk->count) * sizeof(*chunk->record);
}

/* Fills in EARLIEST: for each of N chunks, the first time in it and in all behind it. */
static uint64_t *sweep_earliest(const char *map, size_t length, size_t *n)
{
	size_t at = 0, room = 0;
	uint64_t *earliest = NULL, *bigger;

	for (*n = 0; at < length; ++*n) {
		const struct ring_chunk *chunk = (const void *)(map + at);

		if (*n == room) {
			room = room ? 2 * room : 1024;
			bigger = realloc(earliest, room * sizeof(*earliest));
			if (!bigger) {
				free(earliest);
				return NULL;
			}
			earliest = bigger;
		}
		earliest[*n] = chunk->first_queued;
		at += sweep_chunk_bytes(chunk);
	}
	for (size_t i = *n; i-- > 1;)
		if (earliest[i] < earliest[i - 1])
			earliest[i - 1] = earliest[i];
	return earliest;
}

/* Sweeps over N chunks at MAP. Returns how many requests are in them. */
static uint64_t sweep_chunks(struct sweep *s, const char *map, const uint64_t *earliest, size_t n)
{
	uint64_t requests = 0;

	for (size_t i = 0; i < n && !s->err; i++) {
		const struct ring_chunk *chunk = (const void *)map;

		for (uint32_t k = 0; k < chunk->count; k++) {
			requests += chunk->record[k].kind == TRACE_COMPLETED;
			sweep_record(s, &chunk->record[k], chunk->lane);
		}
		sweep_emit(s, i + 1 < n ? earliest[i + 1] : UINT64_MAX);
		map += sweep_chunk_bytes(chunk);
	}
	return requests;
}

int sweep_run(struct sink *sink, const struct sink_ops *ops, const char *map, size_t length,
	      uint64_t *requests)
{
	struct sweep s = { .sink = sink, .ops = ops };
	size_t n = 0;
	uint64_t *earliest = length ? sweep_earliest(map, length, &n) : NULL;
	int err = length && !earliest ? -ENOMEM : parts_init(&s.parts, sink->world->nr_lanes);

	if (!err) {
		s.err = ops->begin(sink);
		if (!s.err)
			*requests = sweep_chunks(&s, map, earliest, n);
		ops->end(sink);
		err = s.err;
	}
	parts_destroy(&s.parts);
	free(s.heap);
	free(earliest);
	return err;
}
