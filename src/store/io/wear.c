/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wear.c - keeps the books of the write budget. Owns struct wear; runs on the loop's thread, or in
 * recovery.
 */
#include "base/check.h"
#include "store/io/wear.h"

/* The superblock is written after one part of so many of a day's budget: each five minutes at that
 * rate. A small budget would be spent on that, so there it is a part of so many. */
#define WEAR_STEP_PART 256u
#define WEAR_STEP_PART_MAX 8u
#define WEAR_STEP_BYTES (1ull << 20)

/* Returns the bytes that the superblock says in advance. */
static uint64_t wear_step(uint64_t per_day)
{
	uint64_t step = per_day / WEAR_STEP_PART;

	if (step < WEAR_STEP_BYTES)
		step = WEAR_STEP_BYTES;
	return step < per_day / WEAR_STEP_PART_MAX ? step : per_day / WEAR_STEP_PART_MAX;
}

static uint64_t wear_in_advance(const struct spend *s)
{
	struct spend all = *s;

	spend_take(&all, wear_step(s->per_day));
	return all.spent;
}

void wear_begin(struct wear *w, struct super *super, uint64_t wall, uint64_t now)
{
	*w = (struct wear){ .spend = { .per_day = super->write_budget,
				       .spent = super->budget_spent,
				       .time = super->budget_time_ns } };
	if (!super->write_budget)
		return;
	/* A clock that went back pays nothing; the time in between is lost. */
	spend_advance(&w->spend, wall);
	w->spend.time = now;
	super->budget_spent = wear_in_advance(&w->spend);
	super->budget_time_ns = wall;
}

/* Returns what counts as spent of a new budget of BYTES a day. A smaller one begins as one that has
 * just been spent, not with a debt of days. */
static uint64_t wear_spent_of(const struct wear *w, uint64_t bytes)
{
	uint64_t spent = w->spend.per_day ? w->spend.spent : 0;

	return spent < bytes ? spent : bytes;
}

void wear_change(const struct wear *w, struct super *next, uint64_t bytes, uint64_t wall)
{
	struct spend s = { .per_day = bytes, .spent = wear_spent_of(w, bytes) };

	next->write_budget = bytes;
	next->budget_spent = bytes ? wear_in_advance(&s) : 0;
	next->budget_time_ns = bytes ? wall : 0;
}

void wear_save(struct wear *w, struct super *next, uint64_t wall, uint64_t now, bool last)
{
	CHECK(w->saving);
	spend_advance(&w->spend, now);
	next->budget_spent = last ? w->spend.spent : wear_in_advance(&w->spend);
	next->budget_time_ns = wall;
	w->unsaved = 0;
}

void wear_install(struct wear *w, uint64_t bytes, uint64_t now)
{
	spend_advance(&w->spend, now);
	if (bytes == w->spend.per_day)
		return;
	w->spend.spent = wear_spent_of(w, bytes);
	w->spend.per_day = bytes;
	w->unsaved = 0;
}

bool wear_is_due(const struct wear *w)
{
	return w->spend.per_day && !w->saving && w->unsaved >= wear_step(w->spend.per_day) / 2;
}
