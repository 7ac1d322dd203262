/* SPDX-License-Identifier: Apache-2.0 */
/*
 * guess.c - where a search begins: what each probe says of a parameter in closed form, if nothing
 * else disturbs it. See params.h.
 */
#include "fit/params.h"

/* Of what channels can read, 128 reads at random places get so much: some channels have none. */
#define GUESS_USED 0.85
/* Two rates that differ by less than this are one. */
#define GUESS_SAME 0.9
/* A cache in memory is smaller than this, and one of fast flash larger. */
#define GUESS_MEMORY 1.5e9
/* A link that is not the bottleneck shows as little more than what it moved. */
#define GUESS_LINK 1.02

static uint64_t guess_number(double value, enum param_id id)
{
	const struct param *p = &params[id];

	if (value < (double)p->min)
		return p->min;
	return value > (double)p->max ? p->max : (uint64_t)(value + 0.5);
}

static void guess_set(struct sim_config *c, enum param_id id, double value)
{
	param_set(c, id, guess_number(value, id));
}

static double guess_most(double a, double b)
{
	return a > b ? a : b;
}

/* Returns the time of a command: that of a flush, where it waits for nothing else. */
static double guess_command(const struct probe_set *m)
{
	double one = m->value[PROBE_READ_4K][0], write = m->value[PROBE_WRITE_4K][0];
	double flush = m->value[PROBE_FLUSH_4K][0] - write;

	if (flush > write || flush > one / 2 || flush < one / 100)
		return one / 8; /* a part of a latency; the search finds which */
	return flush;
}

void guess_reads(struct sim_config *c, const struct probe_set *m)
{
	double deep = m->value[PROBE_READ_4K_128][0], far = m->value[PROBE_READ_FAR][0];
	double near = m->value[PROBE_READ_NEAR][0], one = m->value[PROBE_READ_4K][0];
	double link = guess_most(m->value[PROBE_READ_1M_32][0], deep * 4096) * GUESS_LINK;

	link = guess_most(link, m->value[PROBE_READ_64K_32][0]);
	link = guess_most(link, m->value[PROBE_FLOODED][0] * 1e9 / (double)probe_point_ns(0));
	guess_set(c, PARAM_LINK, link);
	guess_set(c, PARAM_COMMAND, guess_command(m));
	c->ssd.map = near > 1.15 * far ? c->capacity / 16 : 0;
	/* Where the map is not in memory, a read is two. */
	one = c->ssd.map ? one / 2 : one;
	deep = c->ssd.map ? guess_most(near, deep) : deep;
	guess_set(c, PARAM_READ, one - (double)c->command);
	guess_set(c, PARAM_CHANNELS, deep * (double)c->ssd.read / 1e9 / GUESS_USED);
	/* Where the link limits small reads, the channels are those that large ones need. */
	if (deep * 4096 > 0.9 * link)
		guess_set(c, PARAM_CHANNELS,
			  guess_most((double)c->ssd.channels,
				     link / (double)c->ssd.page * (double)c->ssd.read / 1e9));
	c->ssd.spread = 20;
}

/* Returns the rate from point I - 1 of the flood to point I, bytes a second. */
static double guess_rate(const struct probe_set *m, size_t i)
{
	const double *written = m->value[PROBE_FLOODED];
	double from = i ? written[i - 1] : 0;
	double ns = (double)(probe_point_ns(i) - (i ? probe_point_ns(i - 1) : 0));

	return guess_most((written[i] - from) * 1e9 / ns, 1);
}

/* Returns what the flood had written at point I beyond what RATE gives. */
static double guess_beyond(const struct probe_set *m, size_t i, double rate)
{
	double more = m->value[PROBE_FLOODED][i] - rate * (double)probe_point_ns(i) / 1e9;

	return guess_most(more, 0);
}

/*
 * Returns the first point at which the rate is below that of the beginning, and stays what it is;
 * the last one of N if there is none.
 */
static size_t guess_plateau(const struct probe_set *m, size_t n)
{
	double begin = guess_most(guess_rate(m, 0), guess_rate(m, 1));

	for (size_t i = 1; i + 1 < n; i++)
		if (guess_rate(m, i) < GUESS_SAME * begin &&
		    guess_rate(m, i + 1) > GUESS_SAME * guess_rate(m, i))
			return i;
	return n - 1;
}

/* Sets the flash of C: it programs RATE bytes a second. */
static void guess_program(struct sim_config *c, enum param_id id, double rate)
{
	guess_set(c, id, (double)(c->ssd.channels * c->ssd.page) * 1e9 / rate);
}

/* Sets cache and flash from the flood, whose rate falls once or twice. */
static void guess_flood(struct sim_config *c, const struct probe_set *m, size_t n)
{
	double begin = guess_most(guess_rate(m, 0), guess_rate(m, 1));
	size_t i = guess_plateau(m, n);
	double first = guess_rate(m, i), late = guess_rate(m, n - 1), more;

	c->ssd.slc = 0;
	c->ssd.slc_program = 1;
	guess_program(c, PARAM_PROGRAM, late);
	/*
	 * No fall at all: if the link could do more, the cache is too small to be seen, and else
	 * it is never full, so that nobody can say.
	 */
	if (late > GUESS_SAME * begin) {
		if ((double)c->link > late / GUESS_SAME)
			c->ssd.cache = params[PARAM_CACHE].min;
		return;
	}
	more = guess_beyond(m, i + 1 < n ? i + 1 : i, first);
	/* One fall: a cache in memory, or the fast flash, which is larger. */
	if (late > GUESS_SAME * first && more < GUESS_MEMORY) {
		guess_set(c, PARAM_CACHE, more);
		return;
	}
	if (late > GUESS_SAME * first)
		first = begin;
	else
		guess_set(c, PARAM_CACHE, more);
	more = guess_beyond(m, n - 1, late) - (double)c->ssd.cache;
	guess_program(c, PARAM_SLC_PROGRAM, first);
	guess_set(c, PARAM_SLC, more / (1 - late / first));
}

void guess_writes(struct sim_config *c, const struct probe_set *m)
{
	size_t n = 0;

	while (n < PROBE_FIGURES_MAX && m->value[PROBE_FLOODED][n] >= 0)
		n++;
	guess_flood(c, m, n);
	guess_set(c, PARAM_CACHE_WRITE, m->value[PROBE_WRITE_4K][0] - (double)c->command);
	c->ssd.program_suspend = 0;
	c->ssd.drain = SIM_DRAIN_IDLE;
	c->ssd.volatile_cache = m->value[PROBE_FLUSH_4K][0] > 2 * m->value[PROBE_WRITE_4K][0];
	c->duplex = 1;
	params_repair(c);
}
