/* SPDX-License-Identifier: Apache-2.0 */
/* replay_series.c - the windows of a replay. See replay_series.h. */
#include "cli/replay_series.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/hist.h"
#include "base/nsec.h"
#include "cli/output.h"
#include "sim/series.h"

#define SERIES_WINDOW_NS (100 * NSEC_PER_MSEC)
#define SERIES_WAYS 2

struct replay_series {
	struct output out;
	uint64_t start_ns, begin_ns; /* of the replay, and of the window that is open */
	pthread_mutex_t lock;	     /* protects the members below */
	struct replay_way {
		uint64_t ios, bytes;
		struct hist latency;
	} way[SERIES_WAYS]; /* gets, puts */
};

int replay_series_open(struct replay_series **out, const char *path)
{
	struct replay_series *s = calloc(1, sizeof(*s));
	int err;

	if (!s)
		return error_sys(-ENOMEM, "%s", path);
	err = output_open(&s->out, path);
	if (err) {
		free(s);
		return err;
	}
	pthread_mutex_init(&s->lock, NULL);
	sim_series_head(s->out.file);
	*out = s;
	return 0;
}

void replay_series_begin(struct replay_series *s, uint64_t start_ns)
{
	s->start_ns = s->begin_ns = start_ns;
}

/* Writes the window that is open, which ends at END_NS, and opens the next one. */
static void series_next(struct replay_series *s, uint64_t end_ns)
{
	for (int way = 0; way < SERIES_WAYS; way++)
		sim_series_line(s->out.file,
				&(struct sim_series_line){ .job = "replay",
							   .dir = way ? SIM_WRITE : SIM_READ,
							   .begin_ns = s->begin_ns - s->start_ns,
							   .end_ns = end_ns - s->start_ns,
							   .ios = s->way[way].ios,
							   .bytes = s->way[way].bytes,
							   .latency = &s->way[way].latency });
	memset(s->way, 0, sizeof(s->way));
	s->begin_ns = end_ns;
}

void replay_series_add(struct replay_series *s, bool put, uint64_t bytes, uint64_t latency_ns,
		       uint64_t now_ns)
{
	pthread_mutex_lock(&s->lock);
	while (now_ns >= s->begin_ns + SERIES_WINDOW_NS)
		series_next(s, s->begin_ns + SERIES_WINDOW_NS);
	s->way[put].ios++;
	s->way[put].bytes += bytes;
	hist_record(&s->way[put].latency, latency_ns);
	pthread_mutex_unlock(&s->lock);
}

int replay_series_close(struct replay_series *s, uint64_t end_ns)
{
	int err;

	while (end_ns > s->begin_ns + SERIES_WINDOW_NS)
		series_next(s, s->begin_ns + SERIES_WINDOW_NS);
	if (end_ns > s->begin_ns)
		series_next(s, end_ns);
	err = output_close(&s->out);
	pthread_mutex_destroy(&s->lock);
	free(s);
	return err;
}
