/* SPDX-License-Identifier: Apache-2.0 */
/* timeline.c - windows of operations that end at any time. See timeline.h. */
#include "bench/timeline.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/hist.h"
#include "base/nsec.h"
#include "sim/series.h"

#define TIMELINE_WINDOW_NS (100 * NSEC_PER_MSEC)

struct bench_timeline {
	FILE *out;
	uint64_t start_ns, begin_ns; /* of the table, and of the window that is open */
	unsigned shown;
	pthread_mutex_t lock; /* protects all of this but itself */
	struct timeline_way {
		struct bench_timeline_way is;
		uint64_t ios, bytes;
		struct hist latency;
	} way[BENCH_TIMELINE_WAYS];
};

int bench_timeline_open(struct bench_timeline **out, FILE *file,
			const struct bench_timeline_way ways[BENCH_TIMELINE_WAYS])
{
	struct bench_timeline *t = calloc(1, sizeof(*t));

	if (!t)
		return error_sys(-ENOMEM, "the table of windows");
	t->out = file;
	for (unsigned i = 0; i < BENCH_TIMELINE_WAYS; i++)
		t->way[i].is = ways[i];
	pthread_mutex_init(&t->lock, NULL);
	sim_series_head(file);
	*out = t;
	return 0;
}

/* Writes the window that is open, which ends at END_NS, and opens the next one. */
static void timeline_next(struct bench_timeline *t, uint64_t end_ns)
{
	for (unsigned i = 0; i < BENCH_TIMELINE_WAYS; i++) {
		struct timeline_way *way = &t->way[i];

		if (t->shown & 1u << i)
			sim_series_line(t->out,
					&(struct sim_series_line){
						.job = way->is.job,
						.dir = way->is.writes ? SIM_WRITE : SIM_READ,
						.begin_ns = t->begin_ns - t->start_ns,
						.end_ns = end_ns - t->start_ns,
						.ios = way->ios,
						.bytes = way->bytes,
						.latency = &way->latency });
		way->ios = way->bytes = 0;
		memset(&way->latency, 0, sizeof(way->latency));
	}
	t->begin_ns = end_ns;
}

/* Writes the windows that have ended at NOW_NS. */
static void timeline_until(struct bench_timeline *t, uint64_t now_ns)
{
	while (now_ns >= t->begin_ns + TIMELINE_WINDOW_NS)
		timeline_next(t, t->begin_ns + TIMELINE_WINDOW_NS);
}

/* Writes all windows up to END_NS, of which the last one may be short. */
static void timeline_end(struct bench_timeline *t, uint64_t end_ns)
{
	timeline_until(t, end_ns);
	if (end_ns > t->begin_ns)
		timeline_next(t, end_ns);
}

void bench_timeline_show(struct bench_timeline *t, unsigned shown, uint64_t now_ns)
{
	pthread_mutex_lock(&t->lock);
	if (t->shown)
		timeline_end(t, now_ns);
	else
		t->start_ns = now_ns;
	t->begin_ns = now_ns;
	t->shown = shown;
	pthread_mutex_unlock(&t->lock);
}

void bench_timeline_add(struct bench_timeline *t, unsigned way, uint64_t bytes, uint64_t latency_ns,
			uint64_t now_ns)
{
	pthread_mutex_lock(&t->lock);
	timeline_until(t, now_ns);
	t->way[way].ios++;
	t->way[way].bytes += bytes;
	hist_record(&t->way[way].latency, latency_ns);
	pthread_mutex_unlock(&t->lock);
}

void bench_timeline_close(struct bench_timeline *t, uint64_t end_ns)
{
	if (t->shown)
		timeline_end(t, end_ns);
	bench_timeline_drop(t);
}

void bench_timeline_drop(struct bench_timeline *t)
{
	if (!t)
		return;
	pthread_mutex_destroy(&t->lock);
	free(t);
}
