/* SPDX-License-Identifier: Apache-2.0 */
/* params.c - the table of parameters, and their limits. See params.h. */
#include "fit/params.h"

#include <string.h>

#include "base/nsec.h"

#define AT(member) offsetof(struct sim_config, member)
#define FLASH (PROBE_READS | PROBE_WRITES | PROBE_FLUSHES | PROBE_MIXED | PROBE_FLOOD)
#define PROGRAMS (PROBE_FLUSHES | PROBE_MIXED | PROBE_FLOOD | PROBE_CLIFF)

/* The cliff depends on all that writes, but is slow to run: only these look at it again. */
const struct param params[PARAMS] = {
	[PARAM_COMMAND] = { "command", AT(command), 100, NSEC_PER_SEC, FLASH & ~PROBE_FLOOD,
			    false },
	[PARAM_LINK] = { "link", AT(link), 1 << 20, 1ull << 44, FLASH, false },
	[PARAM_DUPLEX] = { "duplex", AT(duplex), 0, 1, PROBE_MIXED, true },
	[PARAM_CHANNELS] = { "channels", AT(ssd.channels), 1, 1024, FLASH, false },
	[PARAM_PAGE] = { "page", AT(ssd.page), 4096, 256 << 10, FLASH, false },
	[PARAM_READ] = { "read", AT(ssd.read), 100, NSEC_PER_SEC, PROBE_READS | PROBE_MIXED,
			 false },
	[PARAM_PROGRAM] = { "program", AT(ssd.program), 100, NSEC_PER_SEC, PROGRAMS, false },
	[PARAM_SPREAD] = { "spread", AT(ssd.spread), 1, 100,
			   PROBE_READS | PROBE_MIXED | PROBE_FLOOD, false },
	[PARAM_CACHE] = { "cache", AT(ssd.cache), 8192, 1ull << 40,
			  PROBE_FLUSHES | PROBE_MIXED | PROBE_FLOOD, false },
	[PARAM_CACHE_WRITE] = { "cache_write", AT(ssd.cache_write), 100, NSEC_PER_SEC,
				PROBE_WRITES | PROBE_FLUSHES, false },
	[PARAM_VOLATILE] = { "volatile_cache", AT(ssd.volatile_cache), 0, 1, PROBE_FLUSHES, true },
	[PARAM_DRAIN] = { "drain", AT(ssd.drain), 0, 2, PROBE_FLUSHES | PROBE_MIXED | PROBE_FLOOD,
			  true },
	[PARAM_SUSPEND] = { "program_suspend", AT(ssd.program_suspend), 100, NSEC_PER_SEC,
			    PROBE_MIXED, false },
	[PARAM_SLC] = { "slc", AT(ssd.slc), 1 << 20, 1ull << 44, PROBE_FLOOD | PROBE_CLIFF, false },
	[PARAM_SLC_PROGRAM] = { "slc_program", AT(ssd.slc_program), 100, NSEC_PER_SEC, PROGRAMS,
				false },
	[PARAM_MAP] = { "map", AT(ssd.map), 4 << 20, 1ull << 44, PROBE_READS | PROBE_MIXED, false },
};

uint64_t param_get(const struct sim_config *c, enum param_id id)
{
	uint64_t value;

	memcpy(&value, (const char *)c + params[id].offset, sizeof(value));
	return value;
}

void param_set(struct sim_config *c, enum param_id id, uint64_t value)
{
	memcpy((char *)c + params[id].offset, &value, sizeof(value));
}

static uint64_t param_within(uint64_t value, uint64_t min, uint64_t max)
{
	return value < min ? min : value > max ? max : value;
}

void param_scale(struct sim_config *c, enum param_id id, double factor)
{
	const struct param *p = &params[id];
	uint64_t old = param_get(c, id), value = (uint64_t)((double)old * factor + 0.5);

	if (!old)
		return;
	/* A small whole number changes too. */
	if (value == old)
		value = factor > 1 ? old + 1 : factor < 1 ? old - 1 : old;
	param_set(c, id, param_within(value, p->min, p->max));
}

void params_repair(struct sim_config *c)
{
	uint64_t pages = c->ssd.channels * c->ssd.page;

	if (c->ssd.cache < 2 * pages)
		c->ssd.cache = 2 * pages;
	if (c->ssd.slc && c->ssd.slc < pages)
		c->ssd.slc = pages;
}

void params_facts(struct sim_config *c, const struct probe_facts *facts)
{
	c->logical_block = param_within(facts->logical_block, 512, 65536);
	c->physical_block = param_within(facts->physical_block, c->logical_block, 1 << 20);
	c->capacity = param_within(facts->capacity, 1 << 20, 1ull << 50) / c->physical_block *
		      c->physical_block;
	c->max_io =
		param_within(facts->max_io, 65536, 1 << 30) / c->logical_block * c->logical_block;
	c->max_segments = param_within(facts->max_segments, 1, 1024);
	/* 0: the kernel does not say. */
	c->queue_depth = facts->queue_depth ? param_within(facts->queue_depth, 1, 4096) : 256;
}

/* Rounds VALUE to three digits. */
static uint64_t param_round(uint64_t value)
{
	uint64_t unit = 1;

	while (value / unit >= 1000)
		unit *= 10;
	return (value + unit / 2) / unit * unit;
}

void params_round(struct sim_config *c)
{
	for (int i = 0; i < PARAMS; i++)
		if (!params[i].choice && i != PARAM_PAGE && i != PARAM_CHANNELS)
			param_set(c, (enum param_id)i, param_round(param_get(c, (enum param_id)i)));
	params_repair(c);
}
