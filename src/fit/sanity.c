/* SPDX-License-Identifier: Apache-2.0 */
/* sanity.c - refuses probes that cannot be true. See probes.h. */
#include <errno.h>

#include <weir/base.h>

#include "base/error.h"
#include "base/nsec.h"
#include "base/parse.h"
#include "fit/probes.h"

/* What a drive does with one read at a time, it does with many too, but for noise. */
#define SANITY_LEAST 0.5
/* So many points show a flood; the first is only its beginning. */
#define SANITY_POINTS 8
/* A shorter run shows nothing. */
#define SANITY_RUNTIME_NS NSEC_PER_MSEC

static bool sanity_power_of_2(uint64_t n)
{
	return n && !(n & (n - 1));
}

/* The sizes must be those of a drive. 0 for the physical block: the drive does not say. */
static int sanity_facts(const struct probe_facts *f)
{
	const char *name = NULL, *must = "a power of 2";
	uint64_t is = 0;

	if (!sanity_power_of_2(f->logical_block)) {
		name = "logical_block_bytes";
		is = f->logical_block;
	} else if (f->physical_block && !sanity_power_of_2(f->physical_block)) {
		name = "physical_block_bytes";
		is = f->physical_block;
	} else if (f->physical_block && f->physical_block < f->logical_block) {
		name = "physical_block_bytes";
		is = f->physical_block;
		must = "logical_block_bytes or more";
	} else if (f->max_io < f->logical_block) {
		name = "max_io_bytes";
		is = f->max_io;
		must = "logical_block_bytes or more";
	} else if (!f->max_segments) {
		name = "max_segments";
		must = "1 or more";
	}
	return name ? error_set(-EINVAL, "%s of the drive is %llu: it must be %s", name,
				(unsigned long long)is, must)
		    : 0;
}

/* A figure of a probe that ran for no time, or not so long, was not measured. */
static int sanity_runtime(const struct probe_set *m, size_t i)
{
	uint64_t ns = m->runtime_ns[i];

	if (ns < SANITY_RUNTIME_NS)
		return error_set(-EINVAL, "runtime_ns of the probe %s is %llu: 1 ms is the least",
				 probes[i].name, (unsigned long long)ns);
	if (!(probes[i].kind & PROBE_FLOOD))
		return 0;
	for (size_t k = probe_points(ns); k < PROBE_FIGURES_MAX; k++)
		if (k < SANITY_POINTS || m->value[i][k] >= 0)
			return error_set(
				-EINVAL, "runtime_ns of the probe %s is %llu, which is before %s",
				probes[i].name, (unsigned long long)ns, probes[i].figure[k].name);
	return 0;
}

/* What no drive does: it is far beyond any. */
static double sanity_most(enum probe_of of)
{
	switch (of) {
	case PROBE_IOPS:
		return 1e9;
	case PROBE_RATE:
		return 1e13;
	case PROBE_WRITTEN:
		return 1e18;
	default:
		return 3600e9;
	}
}

/* Returns true if VALUE of a figure is none, 0, or what a drive may do. */
static bool sanity_is_value(const struct probe_figure *f, double value)
{
	bool time = f->of == PROBE_P50 || f->of == PROBE_P99 || f->of == PROBE_PERIOD;

	return value == PROBE_NONE || value == 0 ||
	       (value >= (time ? 1 : 1e-3) && value <= sanity_most(f->of));
}

static int sanity_figures(const struct probe_set *m, size_t i)
{
	const struct probe *p = &probes[i];

	for (size_t k = 0; k < PROBE_FIGURES_MAX && p->figure[k].name; k++) {
		bool needed = !(p->kind & PROBE_FLOOD) || k < SANITY_POINTS;

		if (!sanity_is_value(&p->figure[k], m->value[i][k]))
			return error_set(-EINVAL, "%s of the probe %s is %g %s: no drive has that",
					 p->figure[k].name, p->name, m->value[i][k],
					 probe_unit(p->figure[k].of));
		if (m->value[i][k] < 0 && needed)
			return error_set(-EINVAL, "the probe %s has no figure %s", p->name,
					 p->figure[k].name);
		/* A slow drive may have written nothing yet. */
		if (p->kind & PROBE_FLOOD && k + 1 < SANITY_POINTS)
			continue;
		if (m->value[i][k] >= 0 && !(m->value[i][k] > 0))
			return error_set(-EINVAL, "%s of the probe %s is 0: nothing was measured",
					 p->figure[k].name, p->name);
	}
	return 0;
}

/* The median cannot be above what 99 of 100 stay below. */
static int sanity_order(const struct probe_set *m, size_t i)
{
	const struct probe *p = &probes[i];

	for (size_t k = 0; k + 1 < PROBE_FIGURES_MAX && p->figure[k + 1].name; k++)
		if (p->figure[k].of == PROBE_P50 && p->figure[k + 1].of == PROBE_P99 &&
		    m->value[i][k] > m->value[i][k + 1])
			return error_set(-EINVAL, "the probe %s contradicts itself: %s is above %s",
					 p->name, p->figure[k].name, p->figure[k + 1].name);
	return 0;
}

static int sanity_flood(const struct probe_set *m)
{
	const double *written = m->value[PROBE_FLOODED];

	for (size_t k = 1; k < PROBE_FIGURES_MAX && written[k] >= 0; k++)
		if (written[k] < written[k - 1] || written[k - 1] < 0)
			return error_set(-EINVAL,
					 "the probe flood contradicts itself: %s is less than %s",
					 probes[PROBE_FLOODED].figure[k].name,
					 probes[PROBE_FLOODED].figure[k - 1].name);
	return 0;
}

/* Many reads at once cannot be fewer than one after another. */
static int sanity_depth(const struct probe_set *m)
{
	double one = 1e9 / m->value[PROBE_READ_4K][0], deep = m->value[PROBE_READ_4K_128][0];
	char time[32];

	if (deep >= SANITY_LEAST * one)
		return 0;
	return error_set(
		-EINVAL,
		"the probes read-4k and read-4k-128 contradict each other: a read takes %s, "
		"so one after another are %.0f a second, but 128 at once were %.0f",
		format_time((uint64_t)m->value[PROBE_READ_4K][0], time, sizeof(time)), one, deep);
}

int probes_check(const struct probe_set *set)
{
	int err = sanity_facts(&set->facts);

	for (size_t i = 0; i < PROBES && !err; i++) {
		err = sanity_figures(set, i);
		if (!err)
			err = sanity_runtime(set, i);
		if (!err)
			err = sanity_order(set, i);
	}
	if (!err)
		err = sanity_flood(set);
	return err ? err : sanity_depth(set);
}
