/* SPDX-License-Identifier: Apache-2.0 */
/* probes.c - runs probes, and takes their figures from the results. See probes.h. */
#include "fit/probes.h"

#include <errno.h>
#include <string.h>

#include <weir/device.h>

#include "base/error.h"
#include "base/nsec.h"
#include "sim/run_text.h"

#define POINT_NS (4 * NSEC_PER_MSEC)
#define NEAR_BYTES (256ull << 20)
#define ALIGN_BYTES (1ull << 20)
/* Where a model stands for a real drive, it has so many times what a fit needs, so less chance. */
#define MODEL_TIMES 20ull

const char *probe_unit(enum probe_of of)
{
	switch (of) {
	case PROBE_IOPS:
		return "ios/s";
	case PROBE_RATE:
		return "bytes/s";
	case PROBE_WRITTEN:
		return "bytes";
	default:
		return "ns";
	}
}

uint64_t probe_point_ns(size_t i)
{
	/* The names of the points say 1 s where it is 1.024 s. */
	return POINT_NS << i;
}

size_t probe_points(uint64_t ns)
{
	size_t n = 0;

	while (n < PROBE_FIGURES_MAX && probe_point_ns(n) <= ns)
		n++;
	return n;
}

/* What a flood has written until now, and at its points. */
struct probe_curve {
	uint64_t windows, bytes;
	size_t points, most; /* the run is a little longer than its last point */
	double *value;
};

static void probe_window(void *user, const uint64_t *bytes, size_t n)
{
	struct probe_curve *c = user;

	for (size_t i = 0; i < n; i++)
		c->bytes += bytes[i];
	c->windows++;
	if (c->points < c->most && c->windows == 1ull << c->points)
		c->value[c->points++] = (double)c->bytes;
}

static double probe_figure_of(const struct probe_figure *f, const struct sim_result *r)
{
	const struct sim_job_result *j = &r->job[f->job];
	double seconds = (double)j->active_ns / 1e9;

	switch (f->of) {
	case PROBE_P50:
		return (double)j->latency.p50_ns;
	case PROBE_P99:
		return (double)j->latency.p99_ns;
	case PROBE_IOPS:
		return seconds > 0 ? (double)j->ios / seconds : 0;
	case PROBE_RATE:
		return seconds > 0 ? (double)j->bytes / seconds : 0;
	default:
		return j->ios ? (double)j->active_ns / (double)j->ios : 0;
	}
}

static uint64_t probe_least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

int probe_run(size_t i, const struct probe_run *how, double values[PROBE_FIGURES_MAX],
	      uint64_t *written, bool *bound)
{
	const struct probe *p = &probes[i];
	bool flood = p->kind & PROBE_FLOOD;
	uint64_t near = probe_least(NEAR_BYTES, how->facts->capacity / 2);
	uint64_t mid = how->facts->capacity / 16 > near ? how->facts->capacity / 16 : near;
	/* Whole blocks, whatever the capacity is. */
	uint64_t near_end = near - near % ALIGN_BYTES, mid_end = mid - mid % ALIGN_BYTES;
	/* The window of the last point must have ended before the run does. */
	double ms = (double)(how->runtime_ns + (flood ? 2 * POINT_NS : 0)) / 1e6;
	const struct sim_word words[] = { { "ms", ms },
					  { "near", (double)near_end },
					  { "paced", how->paced },
					  { "mid", (double)mid_end } };
	struct probe_curve curve = { .value = values, .most = probe_points(how->runtime_ns) };
	struct sim_run_opts opts = { .config = how->run->config,
				     .device = how->run->device,
				     .engine = how->run->engine,
				     .seed = how->run->seed,
				     .stop = how->run->stop,
				     .trace = how->run->trace,
				     .scheduler = "none",
				     .window_ns = flood ? POINT_NS : 0,
				     .window = flood ? probe_window : NULL,
				     .window_user = &curve };
	struct sim_result result;
	int err;

	for (size_t k = 0; k < PROBE_FIGURES_MAX; k++)
		values[k] = PROBE_NONE;
	err = sim_run_text(&result, &opts, p->jobs, p->name, words,
			   sizeof(words) / sizeof(words[0]));
	if (err)
		return err;
	*written = 0;
	for (size_t k = 0; k < result.count; k++)
		*written += result.job[k].dir[SIM_WRITE].bytes;
	for (size_t k = 0; !flood && p->figure[k].name; k++)
		values[k] = probe_figure_of(&p->figure[k], &result);
	*bound |= opts.device && result.bound;
	if (result.interrupted)
		err = error_set(-EINTR, "interrupted in the probe %s", p->name);
	sim_result_free(&result);
	return err;
}

double probe_paced(const struct probe_set *set)
{
	return set->value[PROBE_BESIDE][2] / 4;
}

static uint64_t probes_runtime(const struct probes_opts *opts, size_t i)
{
	if (probes[i].kind & PROBE_FLOOD)
		return opts->flood_ns;
	return opts->runtime_ns ? opts->runtime_ns : MODEL_TIMES * probes[i].ms * NSEC_PER_MSEC;
}

int probes_run(struct probe_set *set, const struct probes_opts *opts)
{
	struct probe_run how = { .run = opts->run, .facts = &set->facts };
	uint64_t before = 0, written = 0;
	int err = 0;

	memset(set, 0, sizeof(*set));
	if (opts->run->device)
		probe_facts_of_device(&set->facts, opts->run->device);
	else
		probe_facts_of_config(&set->facts, opts->run->config);
	for (size_t i = 0; i < PROBES && !err; i++) {
		if (opts->progress)
			opts->progress(opts->user, probes[i].name);
		how.runtime_ns = probes_runtime(opts, i);
		set->runtime_ns[i] = how.runtime_ns;
		how.paced = probe_paced(set); /* used after it was measured only */
		set->written[i] = before;
		err = probe_run(i, &how, set->value[i], &written, &set->bound);
		/* A model is a new one for each probe. */
		before += opts->run->device ? written : 0;
		set->count += !err;
	}
	return err;
}

void probe_facts_of_config(struct probe_facts *facts, const struct sim_config *c)
{
	*facts = (struct probe_facts){ .capacity = c->capacity,
				       .logical_block = c->logical_block,
				       .physical_block = c->physical_block,
				       .max_io = c->max_io,
				       .max_segments = c->max_segments,
				       .queue_depth = c->queue_depth };
}

void probe_facts_of_device(struct probe_facts *facts, const struct weir_device *dev)
{
	const struct weir_device_info *info = weir_device_get_info(dev);

	*facts = (struct probe_facts){ .capacity = info->capacity_bytes,
				       .logical_block = info->logical_block_bytes,
				       .physical_block = info->physical_block_bytes,
				       .max_io = info->max_io_bytes,
				       .max_segments = info->max_segments,
				       .queue_depth = info->nr_requests };
}
