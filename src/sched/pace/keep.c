/* SPDX-License-Identifier: Apache-2.0 */
/* keep.c - all that pace has learned, file by file. See keep.h. */
#include "sched/pace/keep.h"

#include <string.h>

#include "sched/pace/pace.h"

/* Two for each length of each operation, three for each knob, and one of the windows. */
#define KEEP_NUMBERS (PACE_OPS * 2 * PACE_LENGTHS + 3 * PACE_KNOBS + 1)

_Static_assert(KEEP_NUMBERS <= SCHED_STATE_MAX, "there is room for all numbers");

/* Where the numbers of the knobs begin: two that were learned, and how long it rests yet. */
#define KEEP_KNOBS (PACE_OPS * 2 * PACE_LENGTHS)

static void keep_all(struct pace *p, struct pace_keep *k)
{
	pace_lone_keep(&p->lone, k);
	pace_gain_keep(&p->gain, k);
	pace_window_keep(&p->window, k);
}

unsigned pace_keep_save(struct pace *p, uint64_t *values, uint64_t now)
{
	struct pace_keep k = { .number = values, .now = now };

	/* Until some were alone, what a lone one takes is a guess. */
	if (!p->kept && !p->window.alone_ns[PACE_READ_SIDE] && !p->window.alone_ns[PACE_WRITE_SIDE])
		return 0;
	keep_all(p, &k);
	return k.at;
}

bool pace_keep_valid(const uint64_t *values, unsigned n)
{
	uint64_t number[SCHED_STATE_MAX];
	struct pace_keep k = { .number = number, .load = true, .good = true };
	struct pace p = { .owed_ns = 0 };

	if (n != KEEP_NUMBERS)
		return false;
	memcpy(number, values, n * sizeof(*values));
	keep_all(&p, &k);
	return k.good;
}

bool pace_keep_same(const uint64_t *a, const uint64_t *b)
{
	for (unsigned i = 0; i < KEEP_NUMBERS; i++) {
		bool knob = i >= KEEP_KNOBS && i < KEEP_KNOBS + 3 * PACE_KNOBS;

		if (a[i] != b[i] && !(knob && (i - KEEP_KNOBS) % 3 == 2))
			return false;
	}
	return true;
}

void pace_keep_load(struct pace *p, const uint64_t *values, uint64_t now)
{
	uint64_t number[SCHED_STATE_MAX];
	struct pace_keep k = { .number = number, .load = true, .good = true, .now = now };

	memcpy(number, values, KEEP_NUMBERS * sizeof(*values));
	keep_all(p, &k);
	p->kept = true;
}
