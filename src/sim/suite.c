/* SPDX-License-Identifier: Apache-2.0 */
/*
 * suite.c - runs the isolation suite. See suite.h; suite_cases.c has the loads. First it measures
 * the drive without a scheduler, then it puts the cases to each scheduler.
 */
#include "sim/suite.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/nsec.h"
#include "sim/run_text.h"

#define TENANTS_MAX 32
/* Runs for a scheduler: a case each, and four more numbers of tenants. */
#define ROW_RUNS (SUITE_CASES + 4)
#define BASE_RUNS 10

enum { BELOW, TENANTS, DEMAND, WEIGHTS, SIZES, WRITES, BURSTS };

/* The run in progress. */
struct suite {
	const struct suite_opts *opts;
	struct suite_result *result;
	unsigned done, all;
	unsigned n;   /* {n} */
	double rate;  /* {rate}: bytes a second of paced writes */
	bool *bound;  /* where the present runs say that they were bound */
	FILE *series; /* of the present run; NULL: not wanted */
};

/* The loads that measure the drive. */
static const char most_jobs[] = "[x]\nrw=randread\nbs=128k\niodepth=64\nruntime={ms}ms\n";
static const char alone_jobs[] = "[steady]\nrw=randread\nbs=128k\niodepth=8\nrate_iops={steady}\n"
				 "runtime={ms}ms\n";
static const char small_jobs[] = "[x]\nrw=randread\nbs=4k\niodepth=64\nnumjobs=8\nruntime={ms}ms\n";
static const char large_jobs[] =
	"[x]\nrw=randread\nbs=128k\niodepth=16\nnumjobs=8\nruntime={ms}ms\n";
static const char flood_jobs[] =
	"[flood]\nrw=randwrite\nbs=1m\niodepth=64\nbackground\nruntime={long}ms\n";
static const char paced_jobs[] =
	"[global]\nruntime={long}ms\nramp_time={ms}ms\n"
	"[steady]\nrw=randread\nbs=128k\niodepth=8\nrate_iops={steady}\n"
	"[paced]\nrw=randwrite\nbs=128k\niodepth=64\nbackground\nrate={rate}\n";

/* Runs the load JOBS with SCHEDULER. The caller frees OUT. */
static int suite_try(struct suite *s, const char *scheduler, const char *name, const char *jobs,
		     struct sim_result *out)
{
	const struct suite_base *base = &s->result->base;
	double ms = (double)s->opts->runtime_ns / (double)NSEC_PER_MSEC;
	const struct sim_word words[] = {
		{ "ms", ms },
		{ "long", 3 * ms },
		{ "steady", base->steady_iops },
		{ "half", base->most_iops / 2 },
		{ "want", base->most_iops / 32 },
		{ "n", (double)s->n },
		{ "rate", s->rate },
	};
	struct sim_run_opts opts = *s->opts->run;
	int err;

	if (s->opts->progress)
		s->opts->progress(s->opts->user, scheduler, name, s->done, s->all);
	s->done++;
	opts.scheduler = scheduler;
	opts.sched = NULL;
	opts.nr_sets = 0;
	opts.window_ns = 0;
	opts.series = s->series;
	/* Small requests are many: the pool must not be what divides the drive. */
	if (!opts.nr_requests && !strcmp(name, "sizes"))
		opts.nr_requests = 512;
	err = sim_run_text(out, &opts, jobs, "isolation", words, sizeof(words) / sizeof(words[0]));
	if (err)
		return err;
	*s->bound |= s->opts->run->device && out->bound;
	s->result->interrupted |= out->interrupted;
	return 0;
}

static double suite_mbps(const struct sim_job_result *j)
{
	return j->active_ns ? (double)j->bytes * 1e3 / (double)j->active_ns : 0;
}

static double suite_iops(const struct sim_job_result *j)
{
	return j->active_ns ? (double)j->ios * 1e9 / (double)j->active_ns : 0;
}

static double suite_over(double value, double reference)
{
	return reference > 0 ? value / reference : 0;
}

/* Measures one thing of the base: what GET says of the first job of JOBS. */
static int suite_measure(struct suite *s, const char *jobs,
			 double (*get)(const struct sim_job_result *j), double *out)
{
	struct sim_result result;
	int err = suite_try(s, "none", "base", jobs, &result);

	if (err)
		return err;
	*out = get(&result.job[0]);
	sim_result_free(&result);
	return 0;
}

/* Refuses a base without the figure VALUE: what is divided by it would say nothing. */
static int suite_need(const struct suite *s, double value)
{
	if (value > 0 || s->result->interrupted)
		return 0;
	return error_set(-ENODATA, "base: nothing ended in time: give more --%s",
			 s->opts->run->device ? "time" : "runtime");
}

/* A job of which no io ended has no latency, not one of 0. */
static double suite_p99(const struct sim_job_result *j)
{
	return j->latency.count ? (double)j->latency.p99_ns : (double)NAN;
}

static double suite_p999(const struct sim_job_result *j)
{
	return j->latency.count ? (double)j->latency.p999_ns : (double)NAN;
}

/* Finds the floor: the best p99.9 of the reader beside writes at 98 to 95 % of what they can. */
static int suite_find_floor(struct suite *s)
{
	struct suite_base *base = &s->result->base;
	double p999 = 0;
	int err = 0;

	for (unsigned pct = 98; pct >= 95 && !err && !s->result->interrupted; pct--) {
		s->rate = base->flood_mbps * 1e4 * pct;
		err = suite_measure(s, paced_jobs, suite_p999, &p999);
		if (!err && p999 > 0 && (!(base->floor_p999 > 0) || p999 < base->floor_p999))
			base->floor_p999 = p999;
	}
	return err ? err : suite_need(s, base->floor_p999);
}

static int suite_measure_full(struct suite *s)
{
	struct sim_result result;
	int err = suite_try(s, "none", "base", suite_cases[WRITES].jobs, &result);

	if (err)
		return err;
	s->result->base.full_mbps = suite_mbps(&result.job[1]);
	sim_result_free(&result);
	return suite_need(s, s->result->base.full_mbps);
}

/* The same for a figure that others are divided by. */
static int suite_measure_needed(struct suite *s, const char *jobs,
				double (*get)(const struct sim_job_result *j), double *out)
{
	double value = 0;
	int err = suite_measure(s, jobs, get, &value);

	if (!err)
		err = suite_need(s, value);
	*out = value > 0 ? value : 0;
	return err;
}

static int suite_measure_base(struct suite *s)
{
	struct suite_base *base = &s->result->base;
	int err = suite_measure_needed(s, most_jobs, suite_iops, &base->most_iops);

	base->steady_iops = base->most_iops >= 20 ? base->most_iops / 20 : 1;
	if (!err)
		err = suite_measure_needed(s, alone_jobs, suite_p99, &base->alone_p99);
	if (!err)
		err = suite_measure_needed(s, small_jobs, suite_mbps, &base->small_mbps);
	if (!err)
		err = suite_measure_needed(s, large_jobs, suite_mbps, &base->large_mbps);
	if (!err)
		err = suite_measure_needed(s, flood_jobs, suite_mbps, &base->flood_mbps);
	if (!err)
		err = suite_find_floor(s);
	return err ? err : suite_measure_full(s);
}

/* Sets the least and the most that one of N jobs got of its PART; NAN if none got anything. */
static void suite_spread(const double *got, const double *part, size_t n, double value[2])
{
	double sum = 0, parts = 0;

	for (size_t i = 0; i < n; i++) {
		sum += got[i];
		parts += part[i];
	}
	for (size_t i = 0; i < n; i++) {
		double x = sum > 0 ? got[i] / sum / (part[i] / parts) : (double)NAN;

		value[0] = !i || x < value[0] ? x : value[0];
		value[1] = !i || x > value[1] ? x : value[1];
	}
}

static void suite_judge_weights(const struct sim_result *r, double value[2])
{
	static const double part[] = { 1, 2, 4, 8 };
	double got[4];

	for (size_t i = 0; i < 4; i++)
		got[i] = suite_mbps(&r->job[i]);
	suite_spread(got, part, 4, value);
}

/* By time: what a job moved, to what it moves if all are like it. The first two jobs warm up. */
static void suite_judge_sizes(const struct suite_base *base, const struct sim_result *r,
			      double value[2])
{
	static const double part[] = { 1, 1, 1, 1, 1, 1, 1, 1 };
	double got[8];

	for (size_t i = 0; i < 8; i++)
		got[i] = suite_over(suite_mbps(&r->job[i + 2]),
				    i < 4 ? base->small_mbps : base->large_mbps);
	suite_spread(got, part, 8, value);
}

/* Says whether a job of R moved something. */
static bool suite_moved(const struct sim_result *r)
{
	uint64_t bytes = 0;

	for (size_t i = 0; i < r->count; i++)
		bytes += r->job[i].bytes;
	return bytes != 0;
}

static void suite_judge(const struct suite *s, int number, const struct sim_result *r,
			double value[SUITE_FIGURES])
{
	const struct suite_base *base = &s->result->base;
	double want = base->most_iops / 32;

	switch (number) {
	case TENANTS:
		if (!suite_moved(r))
			value[0] = NAN;
		else if (s->n <= 2 || r->fairness.whole < value[0])
			value[0] = r->fairness.whole;
		break;
	case DEMAND:
		value[0] = suite_over(suite_iops(&r->job[0]), want >= 1 ? want : 1);
		break;
	case WEIGHTS:
		suite_judge_weights(r, value);
		break;
	case SIZES:
		suite_judge_sizes(base, r, value);
		break;
	case WRITES:
		value[0] = suite_over(suite_p999(&r->job[0]), base->floor_p999);
		value[1] = suite_over(suite_mbps(&r->job[1]), base->full_mbps);
		break;
	default:
		value[0] = suite_over(suite_p99(&r->job[0]), base->alone_p99);
	}
}

/* Returns the file of the series, if it is of case NUMBER as it is now put to the scheduler of
 * ROW. */
static FILE *suite_series(const struct suite *s, const struct suite_row *row, int number)
{
	bool its = row == &s->result->row[0] && number == s->opts->series_case;

	return its && (number != TENANTS || s->n == TENANTS_MAX) ? s->opts->series : NULL;
}

/* Puts case NUMBER to the scheduler of ROW. */
static int suite_ask(struct suite *s, struct suite_row *row, int number)
{
	struct sim_result result;
	int err = 0;

	for (s->n = 2; s->n <= TENANTS_MAX && !err && !s->result->interrupted; s->n *= 2) {
		s->series = suite_series(s, row, number);
		err = suite_try(s, row->scheduler, suite_cases[number].name,
				suite_cases[number].jobs, &result);
		s->result->series_whole |= s->series && !err && !s->result->interrupted;
		s->series = NULL;
		if (err)
			break;
		suite_judge(s, number, &result, row->value[number]);
		sim_result_free(&result);
		if (number != TENANTS)
			break;
	}
	return err;
}

bool suite_meets(const struct suite_figure *f, double value)
{
	return (!(f->low > 0) || value >= f->low) && (!(f->high > 0) || value <= f->high);
}

int suite_run(struct suite_result *result, const struct suite_opts *opts)
{
	struct suite s = { .opts = opts,
			   .result = result,
			   .all = BASE_RUNS + ROW_RUNS * (unsigned)opts->nr_schedulers,
			   .bound = &result->bound };
	int err;

	memset(result, 0, sizeof(*result));
	err = suite_measure_base(&s);
	for (size_t i = 0; i < opts->nr_schedulers && !err && !result->interrupted; i++) {
		struct suite_row *row = &result->row[i];

		row->scheduler = opts->schedulers[i];
		s.bound = &row->bound;
		for (int n = 0; n < SUITE_CASES && !err && !result->interrupted; n++)
			err = suite_ask(&s, row, n);
		result->rows += !err && !result->interrupted;
	}
	return err;
}
