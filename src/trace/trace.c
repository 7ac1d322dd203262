/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trace.c - a trace from its beginning to its file. See weir/trace.h and trace.h.
 *
 * Owns struct weir_trace: the ring and its thread, and what is known of queues, lanes and
 * schedulers, under the lock.
 */
#include "trace/trace.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/fork.h"
#include "base/opts.h"
#include "trace/sink.h"
#include "trace/spool.h"

#define TRACE_BUFFER (16ull << 20)
#define TRACE_BUFFER_MIN (1ull << 20)
#define TRACE_BUFFER_MAX (64ull << 30)
/* Schedulers that queues of one trace may have had; the number is a byte of a record. */
#define TRACE_SCHEDS 255u

struct weir_trace {
	struct ring ring;
	struct spool spool;
	enum weir_trace_format format;
	pthread_mutex_t lock;
	struct sink_world world; /* under the lock */
	uint32_t open_queues;	 /* under the lock */
	uint32_t process;
};

static bool trace_ends_with(const char *text, size_t length, const char *end)
{
	size_t n = strlen(end);

	return length >= n && !memcmp(text + length - n, end, n);
}

/* Returns the format that the name PATH asks for. */
static enum weir_trace_format trace_format_of(const char *path)
{
	size_t length = strlen(path);

	while (length && path[length - 1] >= '0' && path[length - 1] <= '9')
		length--;
	if (path[length] && trace_ends_with(path, length, ".blktrace."))
		return WEIR_TRACE_BLKTRACE;
	return trace_ends_with(path, strlen(path), ".blktrace") ? WEIR_TRACE_BLKTRACE
								: WEIR_TRACE_PERFETTO;
}

static int trace_options(struct weir_trace_opts *o, const struct weir_trace_opts *given)
{
	int err;

	o->buffer_bytes = TRACE_BUFFER;
	err = opts_copy(o, sizeof(*o), given, given ? given->size : 0);
	if (err)
		return err;
	if (!o->buffer_bytes)
		o->buffer_bytes = TRACE_BUFFER;
	if (o->format > WEIR_TRACE_BLKTRACE || o->reserved)
		return error_set(-EINVAL, "a trace has no format %u: it goes from 0 to %u",
				 o->format, WEIR_TRACE_BLKTRACE);
	if (o->buffer_bytes < TRACE_BUFFER_MIN || o->buffer_bytes > TRACE_BUFFER_MAX)
		return error_set(-EINVAL, "buffer_bytes of a trace goes from %llu to %llu",
				 TRACE_BUFFER_MIN, TRACE_BUFFER_MAX);
	return 0;
}

static uint64_t trace_boot_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_BOOTTIME, &ts);
	return (uint64_t)ts.tv_sec * NSEC_PER_SEC + (uint64_t)ts.tv_nsec;
}

static void trace_destroy(struct weir_trace *t, bool drop)
{
	ring_destroy(&t->ring);
	spool_close(&t->spool, drop);
	for (uint32_t i = 0; i < t->world.nr_queues; i++)
		free(t->world.queues[i].path);
	free(t->world.queues);
	free(t->world.lanes);
	free(t->world.scheds);
	free(t);
}

int weir_trace_open(struct weir_trace **trace, const char *path, const struct weir_trace_opts *opts)
{
	struct weir_trace_opts o = WEIR_TRACE_OPTS_INIT;
	struct weir_trace *t;
	int err = trace_options(&o, opts);

	if (err)
		return err;
	t = calloc(1, sizeof(*t));
	if (!t)
		return error_sys(-ENOMEM, "cannot open the trace %s", path);
	err = spool_open(&t->spool, path);
	if (err) {
		free(t);
		return err;
	}
	t->process = fork_process();
	t->format = o.format ? (enum weir_trace_format)o.format : trace_format_of(path);
	t->world.begin_ns = clock_now();
	t->world.begin_boot_ns = trace_boot_now();
	pthread_mutex_init(&t->lock, NULL);
	err = ring_init(&t->ring, t->spool.records, o.buffer_bytes);
	if (err) {
		trace_destroy(t, true);
		return error_sys(err, "cannot start the thread of the trace %s", path);
	}
	*trace = t;
	return 0;
}

/* Makes room in ARRAY of *N elements of SIZE bytes for one more. Returns it, or NULL. */
static void *trace_more(void *array, uint32_t n, size_t size)
{
	return reallocarray(array, n + 1, size);
}

int trace_queue_begin(struct weir_trace *t, const struct trace_queue *queue, uint32_t *number)
{
	struct trace_queue *queues, copy = *queue;

	if (fork_inherited(t->process))
		return fork_refuse("trace");
	copy.path = strdup(queue->path);
	pthread_mutex_lock(&t->lock);
	queues = copy.path ? trace_more(t->world.queues, t->world.nr_queues, sizeof(copy)) : NULL;
	if (queues) {
		t->world.queues = queues;
		*number = t->world.nr_queues++;
		queues[*number] = copy;
		t->open_queues++;
	}
	pthread_mutex_unlock(&t->lock);
	if (queues)
		return 0;
	free(copy.path);
	return error_sys(-ENOMEM, "cannot trace %s", queue->path);
}

void trace_queue_end(struct weir_trace *t)
{
	if (fork_inherited(t->process))
		return;
	pthread_mutex_lock(&t->lock);
	t->open_queues--;
	pthread_mutex_unlock(&t->lock);
}

/* Gives a lane its number. Under the lock. */
static int trace_add_lane(struct weir_trace *t, uint32_t queue, uint32_t index, uint32_t *number)
{
	struct sink_lane *lanes = trace_more(t->world.lanes, t->world.nr_lanes, sizeof(*lanes));

	if (!lanes)
		return -ENOMEM;
	t->world.lanes = lanes;
	*number = t->world.nr_lanes++;
	lanes[*number] = (struct sink_lane){ queue, index };
	return 0;
}

int trace_lane_new(struct trace_lane **result, struct weir_trace *t, uint32_t queue, uint32_t index)
{
	struct trace_lane *lane = calloc(1, sizeof(*lane));
	bool lossless = false;
	uint32_t number = 0;
	int err = lane ? 0 : -ENOMEM;

	pthread_mutex_lock(&t->lock);
	if (!err)
		err = trace_add_lane(t, queue, index, &number);
	if (!err)
		lossless = t->world.queues[queue].virtual_time;
	pthread_mutex_unlock(&t->lock);
	if (!err)
		err = ring_lane_init(&lane->ring, &t->ring, number, lossless);
	if (err) {
		free(lane);
		return err;
	}
	lane->trace = t;
	*result = lane;
	return 0;
}

void trace_lane_free(struct trace_lane *lane)
{
	if (!lane)
		return;
	if (!fork_inherited(lane->trace->process))
		ring_lane_flush(&lane->ring);
	ring_lane_destroy(&lane->ring);
	free(lane);
}

/* Returns the number of SCHED, or 0 if there is no room: number 0 gives no reasons. Under the lock.
 */
static uint8_t trace_find_sched(struct weir_trace *t, const struct trace_sched *sched)
{
	struct sink_world *w = &t->world;
	struct trace_sched *scheds;

	for (uint32_t i = 1; i < w->nr_scheds; i++)
		if (w->scheds[i].name == sched->name)
			return (uint8_t)i;
	if (w->nr_scheds >= TRACE_SCHEDS)
		return 0;
	scheds = reallocarray(w->scheds, w->nr_scheds + 2, sizeof(*scheds));
	if (!scheds)
		return 0;
	w->scheds = scheds;
	if (!w->nr_scheds)
		scheds[w->nr_scheds++] = (struct trace_sched){ .name = "" };
	scheds[w->nr_scheds] = *sched;
	return (uint8_t)w->nr_scheds++;
}

void trace_lane_sched(struct trace_lane *lane, const struct trace_sched *sched)
{
	struct weir_trace *t = lane->trace;

	pthread_mutex_lock(&t->lock);
	lane->sched = trace_find_sched(t, sched);
	pthread_mutex_unlock(&t->lock);
}

/* Makes the file of the records. */
static int trace_convert(struct weir_trace *t, FILE *out, struct weir_trace_report *report)
{
	const struct sink_ops *ops =
		t->format == WEIR_TRACE_BLKTRACE ? &blktrace_sink : &perfetto_sink;
	struct sink sink = { .out = out, .world = &t->world, .path = t->spool.path };
	const char *map;
	size_t length;
	int err = spool_map(&t->spool, &map, &length);

	if (err)
		return err;
	err = sweep_run(&sink, ops, map, length, &report->requests);
	if (err)
		error_sys(err, "cannot write the trace %s", t->spool.path);
	spool_unmap(map, length);
	return err;
}

static int trace_write(struct weir_trace *t, struct weir_trace_report *report)
{
	FILE *out = spool_write(&t->spool);
	long bytes;
	int err, lost;

	if (!out)
		return -EIO;
	err = trace_convert(t, out, report);
	bytes = ftell(out);
	report->bytes = bytes > 0 ? (uint64_t)bytes : 0;
	/* What failed before the last bytes is known to ferror() alone, and without a reason. */
	lost = ferror(out) ? EIO : 0;
	if (fclose(out) && !lost)
		lost = errno;
	if (lost && !err)
		err = error_sys(-lost, "cannot write the trace %s", t->spool.path);
	return err;
}

static int trace_close_in_child(struct weir_trace *t)
{
	t->spool.made = false; /* the file is the parent's */
	trace_destroy(t, false);
	return 0;
}

int weir_trace_close(struct weir_trace *t, struct weir_trace_report *report)
{
	struct weir_trace_report all = WEIR_TRACE_REPORT_INIT;
	bool used;
	int err;

	if (!t)
		return 0;
	if (fork_inherited(t->process))
		return trace_close_in_child(t);
	pthread_mutex_lock(&t->lock);
	err = t->open_queues ? -EBUSY : 0;
	used = t->world.nr_queues;
	pthread_mutex_unlock(&t->lock);
	if (err)
		return error_set(err, "%s: queues of this trace are open: close them first",
				 t->spool.path);
	err = ring_finish(&t->ring);
	if (err)
		error_sys(err, "cannot write the records of %s", t->spool.path);
	all.lost = t->ring.lost;
	if (used && !err)
		err = trace_write(t, &all);
	pthread_mutex_destroy(&t->lock);
	trace_destroy(t, !used);
	if (!err && report)
		err = opts_give(report, report->size, &all, sizeof(all));
	return err;
}
