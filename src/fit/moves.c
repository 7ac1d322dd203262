/* SPDX-License-Identifier: Apache-2.0 */
/* moves.c - what a search may change together, and what it chooses from. See params.h. Constant. */
#include "base/nsec.h"
#include "fit/params.h"

#define ALL (PROBE_READS | PROBE_WRITES | PROBE_FLUSHES | PROBE_MIXED | PROBE_FLOOD | PROBE_CLIFF)

/* Of one parameter alone. */
#define ALONE(id)                                                                                  \
	{                                                                                          \
		{ { id, 1 } }, false, 0, 0, 0                                                      \
	}

const struct move moves[] = {
	ALONE(PARAM_READ),
	ALONE(PARAM_COMMAND),
	{ { { PARAM_READ, 1 }, { PARAM_COMMAND, -1 } }, true, 0, 0, PROBE_READS },
	ALONE(PARAM_LINK),
	ALONE(PARAM_CHANNELS),
	/* What the flash does in a second stays the same. */
	{ { { PARAM_CHANNELS, 1 }, { PARAM_PROGRAM, 1 }, { PARAM_SLC_PROGRAM, 1 } },
	  false,
	  0,
	  ALL & ~PROBE_CLIFF,
	  PROBE_FLOOD },
	{ { { PARAM_CHANNELS, 1 },
	    { PARAM_READ, 1 },
	    { PARAM_PROGRAM, 1 },
	    { PARAM_SLC_PROGRAM, 1 } },
	  false,
	  0,
	  ALL & ~PROBE_CLIFF,
	  PROBE_READS },
	{ { { PARAM_PAGE, 1 }, { PARAM_PROGRAM, 1 }, { PARAM_SLC_PROGRAM, 1 } },
	  false,
	  2,
	  ALL & ~PROBE_CLIFF,
	  0 },
	{ { { PARAM_PAGE, 1 }, { PARAM_CHANNELS, -1 } }, false, 2, ALL & ~PROBE_CLIFF, 0 },
	ALONE(PARAM_SPREAD),
	ALONE(PARAM_MAP),
	ALONE(PARAM_CACHE_WRITE),
	{ { { PARAM_CACHE_WRITE, 1 }, { PARAM_COMMAND, -1 } }, true, 0, 0, PROBE_WRITES },
	ALONE(PARAM_PROGRAM),
	ALONE(PARAM_CACHE),
	ALONE(PARAM_SLC_PROGRAM),
	ALONE(PARAM_SLC),
	ALONE(PARAM_SUSPEND),
};
const size_t nr_moves = sizeof(moves) / sizeof(moves[0]);

#define NO_MORE UINT64_MAX

const struct choice choices[] = {
	{ PARAM_VOLATILE, { 0, 1, NO_MORE } },
	/* Where a search begins, if a drive has such a thing. */
	{ PARAM_SUSPEND, { 0, 20 * NSEC_PER_USEC, 80 * NSEC_PER_USEC } },
	{ PARAM_MAP, { 0, 1ull << 30, 32ull << 30 } },
};
const size_t nr_choices = sizeof(choices) / sizeof(choices[0]);

/* Takes from the second part of M what makes it smaller by FACTOR, and gives it to the first. */
static void move_shift(struct sim_config *c, const struct move *m, double factor)
{
	uint64_t from = param_get(c, m->part[1].id), to = param_get(c, m->part[0].id), left;

	param_scale(c, m->part[1].id, 1 / factor);
	left = param_get(c, m->part[1].id);
	/* Unsigned: what the second part gains goes back from the first. */
	if (to + from > left)
		param_set(c, m->part[0].id, to + from - left);
}

void move_make(struct sim_config *c, const struct move *m, double factor)
{
	for (size_t i = 0; !m->shift && i < MOVE_PARTS && m->part[i].power; i++)
		param_scale(c, m->part[i].id, m->part[i].power > 0 ? factor : 1 / factor);
	if (m->shift)
		move_shift(c, m, factor);
	params_repair(c);
}
