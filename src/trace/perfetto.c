/* SPDX-License-Identifier: Apache-2.0 */
/*
 * perfetto.c - a trace as ui.perfetto.dev reads it: a stream of protobuf messages TracePacket.
 *
 * The numbers of messages and fields are those of protos/perfetto/trace in Perfetto's published
 * interface (TracePacket, TrackDescriptor, TrackEvent, DebugAnnotation); they never change there.
 * Tracks stand below one another as queue, lane and tag. A tag holds one request at a time, so the
 * slices on its track never overlap. Times are those of CLOCK_BOOTTIME, Perfetto's default clock;
 * virtual times stay as they are.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "trace/proto.h"
#include "trace/sink.h"

#define TRACE_PACKET 1u
enum { PACKET_TIMESTAMP = 8, PACKET_SEQUENCE = 10, PACKET_EVENT = 11, PACKET_FLAGS = 13 };
enum { PACKET_TRACK = 60, PACKET_STATE_CLEARED = 1 };
enum { TRACK_UUID = 1, TRACK_NAME = 2, TRACK_PROCESS = 3, TRACK_PARENT = 5, TRACK_COUNTER = 8 };
enum { TRACK_ORDER = 11, TRACK_LEXICOGRAPHIC = 1 };
enum { PROCESS_PID = 1, PROCESS_NAME = 6 };
enum { COUNTER_UNIT = 3, COUNTER_NS = 1, COUNTER_COUNT = 2, COUNTER_BYTES = 3 };
enum { EVENT_ANNOTATION = 4, EVENT_TYPE = 9, EVENT_TRACK = 11, EVENT_CATEGORY = 22 };
enum { EVENT_NAME = 23, EVENT_VALUE = 30 };
enum { TYPE_BEGIN = 1, TYPE_END = 2, TYPE_INSTANT = 3, TYPE_COUNTER = 4 };
enum { NOTE_UINT = 3, NOTE_INT = 4, NOTE_STRING = 6, NOTE_NAME = 10 };

#define SEQUENCE 1u
#define UUID_PROCESS 1u
/* A lane's counters have numbers above those of its tags. */
enum { SLOT_LANE = 1 << 16, SLOT_BYTES, SLOT_REQUESTS, SLOT_WAITING, SLOT_GAUGE };

struct perfetto_lane {
	uint8_t *seen; /* a bit for each tag that has a track */
	uint64_t bytes, requests, waiting;
	bool gauged; /* the tracks of its scheduler's figures exist */
	uint8_t sched;
};

struct perfetto {
	struct proto p;
	struct perfetto_lane *lane;
};

static uint64_t perfetto_uuid(uint32_t lane, uint32_t slot)
{
	return ((uint64_t)lane + 1) << 32 | slot << 8 | 2;
}

static uint64_t perfetto_queue_uuid(uint32_t queue)
{
	return (uint64_t)queue << 8 | 3;
}

/* Begins a packet; perfetto_packet_end() writes it. */
static struct proto *perfetto_packet(struct sink *sink, size_t *begin)
{
	struct perfetto *t = sink->state;

	t->p.length = 0;
	*begin = proto_begin(&t->p, TRACE_PACKET);
	proto_uint(&t->p, PACKET_SEQUENCE, SEQUENCE);
	return &t->p;
}

static void perfetto_packet_end(struct sink *sink, size_t begin)
{
	struct perfetto *t = sink->state;

	proto_end(&t->p, begin);
	fwrite(t->p.bytes, 1, t->p.length, sink->out);
}

/* Describes a track; UNIT is 0 or that of a counter. */
static void perfetto_track(struct sink *sink, uint64_t uuid, uint64_t parent, const char *name,
			   uint32_t unit)
{
	size_t packet, track, counter;
	struct proto *p = perfetto_packet(sink, &packet);

	track = proto_begin(p, PACKET_TRACK);
	proto_uint(p, TRACK_UUID, uuid);
	proto_uint(p, TRACK_PARENT, parent);
	proto_string(p, TRACK_NAME, name);
	if (unit) {
		counter = proto_begin(p, TRACK_COUNTER);
		proto_uint(p, COUNTER_UNIT, unit);
		proto_end(p, counter);
	} else {
		proto_uint(p, TRACK_ORDER, TRACK_LEXICOGRAPHIC);
	}
	proto_end(p, track);
	perfetto_packet_end(sink, packet);
}

static void perfetto_process(struct sink *sink)
{
	size_t packet, track, process;
	struct proto *p = perfetto_packet(sink, &packet);

	proto_uint(p, PACKET_FLAGS, PACKET_STATE_CLEARED);
	track = proto_begin(p, PACKET_TRACK);
	proto_uint(p, TRACK_UUID, UUID_PROCESS);
	process = proto_begin(p, TRACK_PROCESS);
	proto_uint(p, PROCESS_PID, (uint64_t)getpid());
	proto_string(p, PROCESS_NAME, "weir");
	proto_end(p, process);
	proto_end(p, track);
	perfetto_packet_end(sink, packet);
}

static void perfetto_lane_tracks(struct sink *sink, uint32_t lane)
{
	const struct sink_lane *l = &sink->world->lanes[lane];
	char name[32];

	snprintf(name, sizeof(name), "lane %02" PRIu32, l->index);
	perfetto_track(sink, perfetto_uuid(lane, SLOT_LANE), perfetto_queue_uuid(l->queue), name,
		       0);
	perfetto_track(sink, perfetto_uuid(lane, SLOT_BYTES), perfetto_uuid(lane, SLOT_LANE),
		       "bytes in flight", COUNTER_BYTES);
	perfetto_track(sink, perfetto_uuid(lane, SLOT_REQUESTS), perfetto_uuid(lane, SLOT_LANE),
		       "requests in flight", COUNTER_COUNT);
	perfetto_track(sink, perfetto_uuid(lane, SLOT_WAITING), perfetto_uuid(lane, SLOT_LANE),
		       "requests in the scheduler", COUNTER_COUNT);
}

static int perfetto_begin(struct sink *sink)
{
	const struct sink_world *w = sink->world;
	struct perfetto *t = calloc(1, sizeof(*t));

	if (!t)
		return -ENOMEM;
	sink->state = t;
	t->lane = calloc(w->nr_lanes ? w->nr_lanes : 1, sizeof(*t->lane));
	for (uint32_t i = 0; t->lane && i < w->nr_lanes; i++)
		if (!(t->lane[i].seen = calloc(1, 65536 / 8)))
			return -ENOMEM;
	if (!t->lane)
		return -ENOMEM;
	perfetto_process(sink);
	for (uint32_t i = 0; i < w->nr_queues; i++)
		perfetto_track(sink, perfetto_queue_uuid(i), UUID_PROCESS, w->queues[i].path, 0);
	for (uint32_t i = 0; i < w->nr_lanes; i++)
		perfetto_lane_tracks(sink, i);
	return 0;
}

static uint64_t perfetto_time(const struct sink *sink, const struct sink_event *e)
{
	const struct sink_world *w = sink->world;

	if (w->queues[w->lanes[e->lane].queue].virtual_time)
		return e->at;
	return e->at - w->begin_ns + w->begin_boot_ns;
}

/* Begins a packet with an event of TYPE on the track SLOT of E's lane. */
static struct proto *perfetto_event_begin(struct sink *sink, const struct sink_event *e,
					  uint32_t slot, uint32_t type, size_t *packet,
					  size_t *event)
{
	struct proto *p = perfetto_packet(sink, packet);

	proto_uint(p, PACKET_TIMESTAMP, perfetto_time(sink, e));
	*event = proto_begin(p, PACKET_EVENT);
	proto_uint(p, EVENT_TYPE, type);
	proto_uint(p, EVENT_TRACK, perfetto_uuid(e->lane, slot));
	return p;
}

static void perfetto_event_end(struct sink *sink, size_t packet, size_t event)
{
	proto_end(&((struct perfetto *)sink->state)->p, event);
	perfetto_packet_end(sink, packet);
}

static void perfetto_count(struct sink *sink, const struct sink_event *e, uint32_t slot,
			   int64_t value)
{
	size_t packet, event;
	struct proto *p = perfetto_event_begin(sink, e, slot, TYPE_COUNTER, &packet, &event);

	proto_uint(p, EVENT_VALUE, (uint64_t)value);
	perfetto_event_end(sink, packet, event);
}

static void perfetto_note(struct proto *p, const char *name, uint64_t value)
{
	size_t note = proto_begin(p, EVENT_ANNOTATION);

	proto_string(p, NOTE_NAME, name);
	proto_uint(p, NOTE_UINT, value);
	proto_end(p, note);
}

static void perfetto_note_text(struct proto *p, const char *name, const char *text)
{
	size_t note = proto_begin(p, EVENT_ANNOTATION);

	proto_string(p, NOTE_NAME, name);
	proto_string(p, NOTE_STRING, text);
	proto_end(p, note);
}

static void perfetto_note_error(struct proto *p, int16_t result)
{
	size_t note = proto_begin(p, EVENT_ANNOTATION);

	proto_string(p, NOTE_NAME, "result");
	proto_uint(p, NOTE_INT, (uint64_t)(int64_t)result);
	proto_end(p, note);
}

/* Begins or ends a slice without notes. */
static void perfetto_slice(struct sink *sink, const struct sink_event *e, uint32_t type,
			   const char *name)
{
	size_t packet, event;
	struct proto *p = perfetto_event_begin(sink, e, e->record->tag, type, &packet, &event);

	if (name) {
		proto_string(p, EVENT_CATEGORY, "weir");
		proto_string(p, EVENT_NAME, name);
	}
	perfetto_event_end(sink, packet, event);
}

/* Begins the slice of a whole request, with all that is known of it. */
static void perfetto_request(struct sink *sink, const struct sink_event *e)
{
	static const char *const classes[] = { "none", "rt", "be", "idle" };
	const struct trace_record *r = e->record;
	const char *reason = sink_reason(sink->world, r);
	size_t packet, event;
	struct proto *p = perfetto_event_begin(sink, e, r->tag, TYPE_BEGIN, &packet, &event);

	proto_string(p, EVENT_CATEGORY, "weir");
	proto_string(p, EVENT_NAME, sink_op_word(r->op));
	perfetto_note(p, "offset", r->offset);
	perfetto_note(p, "bytes", (uint64_t)r->sectors << 9);
	perfetto_note(p, "submitter", r->submitter);
	perfetto_note(p, "ios", r->nr_ios);
	perfetto_note(p, "waited_for_tag_ns", e->tagged > r->queued ? e->tagged - r->queued : 0);
	perfetto_note_text(p, "class", classes[r->prio >> 13 & 3]);
	if (reason)
		perfetto_note_text(p, "reason", reason);
	if (r->result)
		perfetto_note_error(p, r->result);
	perfetto_event_end(sink, packet, event);
}

static void perfetto_tag_track(struct sink *sink, const struct sink_event *e)
{
	struct perfetto_lane *l = &((struct perfetto *)sink->state)->lane[e->lane];
	uint16_t tag = e->record->tag;
	char name[32];

	if (l->seen[tag / 8] & 1u << tag % 8)
		return;
	l->seen[tag / 8] = (uint8_t)(l->seen[tag / 8] | 1u << tag % 8);
	snprintf(name, sizeof(name), "tag %04u", tag);
	perfetto_track(sink, perfetto_uuid(e->lane, tag), perfetto_uuid(e->lane, SLOT_LANE), name,
		       0);
}

static void perfetto_tagged(struct sink *sink, const struct sink_event *e, struct perfetto_lane *l)
{
	perfetto_tag_track(sink, e);
	perfetto_request(sink, e);
	perfetto_slice(sink, e, TYPE_BEGIN, "scheduler");
	perfetto_count(sink, e, SLOT_WAITING, (int64_t)++l->waiting);
}

static void perfetto_in_flight(struct sink *sink, const struct sink_event *e,
			       struct perfetto_lane *l, int n)
{
	uint64_t bytes = e->record->op < 2 ? (uint64_t)e->record->sectors << 9 : 0;

	l->requests += (uint64_t)n;
	l->bytes = n > 0 ? l->bytes + bytes : l->bytes - bytes;
	perfetto_count(sink, e, SLOT_REQUESTS, (int64_t)l->requests);
	perfetto_count(sink, e, SLOT_BYTES, (int64_t)l->bytes);
}

static void perfetto_issued(struct sink *sink, const struct sink_event *e, struct perfetto_lane *l)
{
	perfetto_slice(sink, e, TYPE_END, NULL);
	perfetto_slice(sink, e, TYPE_BEGIN, "drive");
	perfetto_count(sink, e, SLOT_WAITING, (int64_t)--l->waiting);
	perfetto_in_flight(sink, e, l, 1);
}

static void perfetto_ended(struct sink *sink, const struct sink_event *e, struct perfetto_lane *l)
{
	perfetto_slice(sink, e, TYPE_END, NULL);
	perfetto_slice(sink, e, TYPE_END, NULL);
	perfetto_in_flight(sink, e, l, -1);
}

/* An io was merged, or a request: then its tag is free. */
static void perfetto_merged(struct sink *sink, const struct sink_event *e, struct perfetto_lane *l)
{
	if (e->record->kind != TRACE_JOINED) {
		perfetto_tag_track(sink, e);
		perfetto_slice(sink, e, TYPE_INSTANT, "merged");
		return;
	}
	perfetto_slice(sink, e, TYPE_END, NULL);
	perfetto_slice(sink, e, TYPE_END, NULL);
	perfetto_count(sink, e, SLOT_WAITING, (int64_t)--l->waiting);
}

/* The unit of a figure is the end of its name. */
static uint32_t perfetto_unit(const char *name)
{
	size_t length = strlen(name);

	if (length > 3 && !strcmp(name + length - 3, "_ns"))
		return COUNTER_NS;
	return strstr(name, "bytes") ? COUNTER_BYTES : COUNTER_COUNT;
}

static void perfetto_gauged(struct sink *sink, const struct sink_event *e, struct perfetto_lane *l)
{
	const char *const *names = sink->world->scheds[e->record->sched].gauges;
	uint32_t first = SLOT_GAUGE + e->record->sched * TRACE_GAUGES;

	if (!l->gauged || l->sched != e->record->sched)
		for (uint32_t i = 0; names && i < TRACE_GAUGES && names[i]; i++)
			perfetto_track(sink, perfetto_uuid(e->lane, first + i),
				       perfetto_uuid(e->lane, SLOT_LANE), names[i],
				       perfetto_unit(names[i]));
	l->gauged = true;
	l->sched = e->record->sched;
	for (uint32_t i = 0; names && i < TRACE_GAUGES && names[i]; i++)
		perfetto_count(sink, e, first + i, e->record->gauge[i]);
}

static void perfetto_event(struct sink *sink, const struct sink_event *e)
{
	struct perfetto_lane *l = &((struct perfetto *)sink->state)->lane[e->lane];

	switch (e->what) {
	case SINK_QUEUED: /* the request says how long it waited for its tag */
		break;
	case SINK_TAGGED:
		perfetto_tagged(sink, e, l);
		break;
	case SINK_ISSUED:
		perfetto_issued(sink, e, l);
		break;
	case SINK_ENDED:
		perfetto_ended(sink, e, l);
		break;
	case SINK_MERGED:
		perfetto_merged(sink, e, l);
		break;
	case SINK_REQUEUED:
		perfetto_tag_track(sink, e);
		perfetto_slice(sink, e, TYPE_INSTANT, "the engine had no room");
		break;
	case SINK_GAUGED:
		perfetto_gauged(sink, e, l);
		break;
	}
}

static void perfetto_end(struct sink *sink)
{
	struct perfetto *t = sink->state;

	for (uint32_t i = 0; t && t->lane && i < sink->world->nr_lanes; i++)
		free(t->lane[i].seen);
	if (t)
		free(t->lane);
	free(t);
}

const struct sink_ops perfetto_sink = {
	.begin = perfetto_begin,
	.event = perfetto_event,
	.end = perfetto_end,
};
