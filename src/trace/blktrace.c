/* SPDX-License-Identifier: Apache-2.0 */
/*
 * blktrace.c - a trace as blkparse and btt read it: structs blk_io_trace of the kernel's public
 * header linux/blktrace_api.h, in the order of their times.
 *
 * All events are in one file, as those of one CPU: blkparse takes the number of the CPU from the
 * name of the file. The process of an event is the submitter. The format has no place for reasons
 * and figures of the scheduler: as messages, btt would print each of them.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <linux/blktrace_api.h>

#include <weir/io.h>

#include "trace/sink.h"

/* Submitters beyond these have a number and no name. */
#define BLKTRACE_NAMES 65536u
/* Linux' numbers of devices: 12 bits of major, 20 bits of minor. */
#define BLKTRACE_MINOR_BITS 20
/* "Local or experimental use": what is no block device, a file or a simulated drive. */
#define BLKTRACE_MAJOR 240u
#define BLKTRACE_PC_OP WEIR_OP_PLACEMENT_UPDATE

struct blktrace {
	uint32_t sequence, cpu;
	uint8_t *named; /* a bit for each submitter */
};

static uint32_t blktrace_device(const struct sink *sink, uint32_t lane)
{
	const struct sink_world *w = sink->world;
	const struct trace_queue *q = &w->queues[w->lanes[lane].queue];

	if (!q->major && !q->minor)
		return BLKTRACE_MAJOR << BLKTRACE_MINOR_BITS | w->lanes[lane].queue;
	return q->major << BLKTRACE_MINOR_BITS | q->minor;
}

static void blktrace_write(struct sink *sink, struct blk_io_trace *t, const void *pdu)
{
	t->magic = BLK_IO_TRACE_MAGIC | BLK_IO_TRACE_VERSION;
	t->cpu = ((struct blktrace *)sink->state)->cpu;
	fwrite(t, sizeof(*t), 1, sink->out);
	if (pdu)
		fwrite(pdu, 1, t->pdu_len, sink->out);
}

/* Writes an event that is no step of a request. */
static void blktrace_notify(struct sink *sink, const struct sink_event *e, uint32_t action,
			    const void *pdu, size_t length)
{
	struct blk_io_trace t = {
		.time = e->at,
		.action = action,
		.pid = e->record->submitter,
		.device = blktrace_device(sink, e->lane),
		.pdu_len = (uint16_t)length,
	};

	blktrace_write(sink, &t, pdu);
}

/* Says how the submitter of E is called, at its first event. */
static void blktrace_name(struct sink *sink, const struct sink_event *e)
{
	uint8_t *named = ((struct blktrace *)sink->state)->named;
	uint32_t id = e->record->submitter;
	char name[16] = { 0 };

	if (id >= BLKTRACE_NAMES || named[id / 8] & 1u << id % 8)
		return;
	named[id / 8] = (uint8_t)(named[id / 8] | 1u << id % 8);
	snprintf(name, sizeof(name), "submitter%" PRIu32, id);
	blktrace_notify(sink, e, BLK_TN_PROCESS, name, sizeof(name));
}

static uint32_t blktrace_categories(const struct trace_record *r)
{
	static const uint32_t ops[] = {
		[WEIR_OP_READ] = BLK_TC_READ,
		[WEIR_OP_WRITE] = BLK_TC_WRITE,
		[WEIR_OP_FLUSH] = BLK_TC_FLUSH,
		[WEIR_OP_DISCARD] = BLK_TC_WRITE | BLK_TC_DISCARD,
		[WEIR_OP_WRITE_ZEROES] = BLK_TC_WRITE,
		[WEIR_OP_PLACEMENT_UPDATE] = BLK_TC_PC,
	};
	uint32_t categories = r->op < WEIR_OP_COUNT ? ops[r->op] : 0;

	if (r->op == WEIR_OP_WRITE && r->flags & SINK_SYNC)
		categories |= BLK_TC_SYNC;
	if (r->flags & SINK_FUA)
		categories |= BLK_TC_FUA;
	return categories;
}

/* Writes one step of a request. */
static void blktrace_step(struct sink *sink, const struct sink_event *e, uint32_t action,
			  uint64_t sector, uint32_t sectors)
{
	struct blk_io_trace t = {
		.sequence = ++((struct blktrace *)sink->state)->sequence,
		.time = e->at,
		.sector = sector,
		.bytes = sectors << 9,
		.action = action | BLK_TC_ACT(blktrace_categories(e->record)),
		.pid = e->record->submitter,
		.device = blktrace_device(sink, e->lane),
		.error = e->what == SINK_ENDED ? (uint16_t)e->record->result : 0,
	};

	blktrace_write(sink, &t, NULL);
}

/* The step before merges: what the io or request was by itself. */
static void blktrace_own(struct sink *sink, const struct sink_event *e, uint32_t action)
{
	blktrace_step(sink, e, action, e->sector, e->sectors);
}

/* The step of all that was merged. */
static void blktrace_whole(struct sink *sink, const struct sink_event *e, uint32_t action)
{
	blktrace_step(sink, e, action, e->record->offset >> 9, e->record->sectors);
}

static void blktrace_event(struct sink *sink, const struct sink_event *e)
{
	if (e->what == SINK_GAUGED || e->record->op == BLKTRACE_PC_OP)
		return;
	switch (e->what) {
	case SINK_QUEUED:
		blktrace_name(sink, e);
		blktrace_own(sink, e, BLK_TA_QUEUE);
		break;
	case SINK_TAGGED:
		blktrace_own(sink, e, BLK_TA_GETRQ);
		blktrace_own(sink, e, BLK_TA_INSERT);
		break;
	case SINK_MERGED:
		blktrace_own(sink, e,
			     e->record->detail == TRACE_FRONT ? BLK_TA_FRONTMERGE
							      : BLK_TA_BACKMERGE);
		break;
	case SINK_ISSUED:
		blktrace_whole(sink, e, BLK_TA_ISSUE);
		break;
	case SINK_ENDED:
		blktrace_whole(sink, e, BLK_TA_COMPLETE);
		break;
	default: /* the request waits as before */
		break;
	}
}

/* Returns N of a name that ends with ".blktrace.N", else 0. */
static uint32_t blktrace_cpu(const char *path)
{
	const char *dot = strrchr(path, '.');
	char *end;
	unsigned long n = dot ? strtoul(dot + 1, &end, 10) : 0;

	return dot && end != dot + 1 && !*end && n < 4096 ? (uint32_t)n : 0;
}

static int blktrace_begin(struct sink *sink)
{
	struct blktrace *b = calloc(1, sizeof(*b));

	if (!b)
		return -ENOMEM;
	sink->state = b;
	b->cpu = blktrace_cpu(sink->path);
	b->named = calloc(1, BLKTRACE_NAMES / 8);
	return b->named ? 0 : -ENOMEM;
}

static void blktrace_end(struct sink *sink)
{
	struct blktrace *b = sink->state;

	if (b)
		free(b->named);
	free(b);
}

const struct sink_ops blktrace_sink = {
	.begin = blktrace_begin,
	.event = blktrace_event,
	.end = blktrace_end,
};
