/* SPDX-License-Identifier: Apache-2.0 */
/* rig.c - see rig.h. */
#include "rig.h"

#include <stdlib.h>
#include <string.h>

#include "fit/search.h"
#include "sim/run_text.h"

static struct probe_set set;
static struct sim_config real, base;
struct fit_result result;

/* Probes NAME, whose seed is not that of the fit, and fits from BASE. */
static void fit(const char *name, const char *from)
{
	struct sim_run_opts run = { .config = &real, .seed = 7 };
	struct probes_opts probing = { .run = &run, .flood_ns = probe_point_ns(PROBE_MODEL_POINT) };
	struct fit_opts opts = { .measured = &set, .base = &base, .seed = 1 };
	int err;

	assert_int_equal(sim_config_load(&real, name), 0);
	assert_int_equal(sim_config_load(&base, from), 0);
	assert_int_equal(probes_run(&set, &probing), 0);
	err = fit_run(&result, &opts);
	if (err)
		fail_msg("%s: %s", name, weir_error());
}

/* Loads that no probe has, and how far off their figures may be. */
static const struct {
	const char *jobs;
	size_t count;
} held_out[] = {
	{ "[a]\nrw=randread\nbs=32k\niodepth=24\nruntime=200ms\n", 1 },
	{ "[a]\nrw=randrw\nrwmixread=70\nbs=16k\niodepth=16\nramp_time=200ms\nruntime=200ms\n", 1 },
	{ "[a]\nrw=randread\nbs=64k\niodepth=6\nramp_time=200ms\nruntime=300ms\n"
	  "[b]\nrw=randwrite\nbs=256k\niodepth=12\nbackground\nramp_time=200ms\nruntime=300ms\n",
	  2 },
};
#define HELD_OUT (sizeof(held_out) / sizeof(held_out[0]))

static void simulate(const struct sim_config *c, size_t i, struct sim_result *out)
{
	struct sim_run_opts run = { .config = c, .seed = 3, .scheduler = "none" };

	assert_int_equal(sim_run_text(out, &run, held_out[i].jobs, "held out", NULL, 0), 0);
}

/* Returns the furthest that bytes and median latencies of the held-out loads are. */
static double furthest(void)
{
	double most = 1;

	for (size_t i = 0; i < HELD_OUT; i++) {
		struct sim_result a, b;

		simulate(&real, i, &a);
		simulate(&result.config, i, &b);
		for (size_t k = 0; k < held_out[i].count; k++) {
			double bytes = search_apart((double)b.job[k].bytes, (double)a.job[k].bytes);
			double p50 = search_apart((double)b.job[k].latency.p50_ns,
						  (double)a.job[k].latency.p50_ns);

			print_message("# held out %zu, job %zu: bytes %.2f, p50 %.2f\n", i, k,
				      (double)b.job[k].bytes / (double)a.job[k].bytes,
				      (double)b.job[k].latency.p50_ns /
					      (double)a.job[k].latency.p50_ns);
			most = bytes > most ? bytes : most;
			most = p50 > most ? p50 : most;
		}
		sim_result_free(&a);
		sim_result_free(&b);
	}
	return most;
}

void fits(const char *name, const char *from, double most_of, double worst, double held)
{
	double far;

	fit(name, from);
	far = furthest();
	print_message("# %s from %s: median %.3f, nine of ten %.3f, worst %.3f (%s %s), held out "
		      "%.3f, %u trials, cost %.4f\n",
		      name, from, result.median, result.most_of, result.worst,
		      probes[result.row[result.worst_row].probe].name,
		      probes[result.row[result.worst_row].probe]
			      .figure[result.row[result.worst_row].figure]
			      .name,
		      far, result.trials, result.cost);
	assert_true(result.median <= 1.03);
	if (result.most_of > most_of || result.worst > worst || far > held)
		fail_msg("%s from %s does not fit", name, from);
}
