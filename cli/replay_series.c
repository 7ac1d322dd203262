/* SPDX-License-Identifier: Apache-2.0 */
/* replay_series.c - the windows of a replay. See replay_series.h. */
#include "cli/replay_series.h"

#include <errno.h>
#include <stdlib.h>

#include "base/error.h"
#include "bench/timeline.h"
#include "cli/output.h"

enum { SERIES_GETS, SERIES_PUTS };

struct replay_series {
	struct output out;
	struct bench_timeline *timeline;
};

int replay_series_open(struct replay_series **out, const char *path)
{
	static const struct bench_timeline_way ways[] = {
		[SERIES_GETS] = { "replay", false }, [SERIES_PUTS] = { "replay", true }
	};
	struct replay_series *s = calloc(1, sizeof(*s));
	int err;

	if (!s)
		return error_sys(-ENOMEM, "%s", path);
	err = output_open(&s->out, path);
	if (!err) {
		err = bench_timeline_open(&s->timeline, s->out.file, ways);
		if (err)
			output_drop(&s->out);
	}
	if (err) {
		free(s);
		return err;
	}
	*out = s;
	return 0;
}

void replay_series_begin(struct replay_series *s, uint64_t start_ns)
{
	bench_timeline_show(s->timeline, 1u << SERIES_GETS | 1u << SERIES_PUTS, start_ns);
}

void replay_series_add(struct replay_series *s, bool put, uint64_t bytes, uint64_t latency_ns,
		       uint64_t now_ns)
{
	bench_timeline_add(s->timeline, put ? SERIES_PUTS : SERIES_GETS, bytes, latency_ns, now_ns);
}

int replay_series_close(struct replay_series *s, uint64_t end_ns)
{
	int err;

	bench_timeline_close(s->timeline, end_ns);
	err = output_close(&s->out);
	free(s);
	return err;
}
