/* SPDX-License-Identifier: Apache-2.0 */
/* cost.c - learns what a request costs. See cost.h. */
#include "sched/pace/cost.h"

#include "base/nsec.h"

/* A period is at least this long, and has at least so many requests. */
#define COST_PERIOD_NS (4 * NSEC_PER_MSEC)
#define COST_REQUESTS 8u
/* Of the first latency this part is the first guess of the cost. */
#define COST_GUESS 8u
/* Until both were alone, a write is taken to cost so many times as much as a read. */
#define COST_WRITE_TIMES 2u
/* An operation had the drive alone in a period if its part of the costs was at least this. */
#define COST_ALONE_PERCENT 85u
/* A correction is this part of the error. */
#define COST_STEP 2
#define COST_ONE (1 << 16)

void pace_cost_init(struct pace_cost *c, uint32_t depth)
{
	c->side_by_side = depth ? depth : 1;
	c->scale = COST_ONE;
}

static uint64_t cost_ns(const struct pace_cost *c, enum pace_op op, uint64_t requests,
			uint64_t sectors)
{
	uint64_t ns = (c->op[op].base * requests + c->op[op].slope * sectors) >> PACE_COST_BITS;

	return ns * c->scale / COST_ONE;
}

uint64_t pace_cost_of(const struct pace_cost *c, enum pace_op op, uint32_t nr_sectors)
{
	uint64_t ns = cost_ns(c, op, 1, nr_sectors), most = c->op[op].longest_ns;

	/* A discard of 1 GiB takes about as long as one of 4 KiB, which the slope comes from. Its
	 * flow would have to let others go first for half a minute of the drive. */
	if (op == PACE_OTHERS && ns > most)
		ns = most;
	return ns ? ns : 1;
}

/* Corrects VALUE by a part of ERROR. */
static uint64_t cost_corrected(uint64_t value, int64_t error)
{
	int64_t change = (int64_t)value * (error / COST_STEP) / COST_ONE;

	return (uint64_t)((int64_t)value + change) + 1;
}

/*
 * The costs of this period should add up to PASSED. If one operation had the drive alone, its
 * slope is corrected; otherwise nobody can tell whose cost is wrong, and all are corrected alike
 * until the next such period.
 */
static void cost_learn(struct pace_cost *c, uint64_t passed)
{
	uint64_t part[PACE_OPS], total = 0;
	int64_t error;
	int alone = -1;

	for (int i = 0; i < PACE_OPS; i++) {
		part[i] = cost_ns(c, (enum pace_op)i, c->op[i].requests, c->op[i].sectors);
		total += part[i];
	}
	if (!total)
		return;
	error = (int64_t)(passed * COST_ONE / total) - COST_ONE;
	error = error > COST_ONE ? COST_ONE : error;
	for (int i = 0; i < PACE_OPS; i++)
		if (part[i] * 100 >= total * COST_ALONE_PERCENT)
			alone = i;
	if (alone < 0) {
		c->scale = cost_corrected(c->scale, error);
		return;
	}
	c->op[alone].slope = cost_corrected(c->op[alone].slope * c->scale / COST_ONE, error);
	c->scale = COST_ONE;
}

/* Guesses the slope of OP from its first request, or from the slope of the other direction. */
static uint64_t cost_guess(const struct pace_cost *c, enum pace_op op, uint32_t nr_sectors,
			   uint64_t latency_ns)
{
	if (op == PACE_WRITES && c->op[PACE_READS].slope)
		return c->op[PACE_READS].slope * COST_WRITE_TIMES;
	if (op == PACE_READS && c->op[PACE_WRITES].slope)
		return c->op[PACE_WRITES].slope / COST_WRITE_TIMES + 1;
	return (latency_ns << PACE_COST_BITS) / COST_GUESS / nr_sectors + 1;
}

/* Counts a request, whose latency may be the shortest one. */
static void cost_count(struct pace_cost *c, enum pace_op op, uint32_t nr_sectors,
		       uint64_t latency_ns)
{
	struct pace_cost_op *o = &c->op[op];

	if (!o->slope)
		o->slope = cost_guess(c, op, nr_sectors, latency_ns);
	/* Most latencies are not the shortest one, and a division takes longer than all the rest.
	 */
	if (!o->base || (latency_ns << PACE_COST_BITS) < o->base * c->side_by_side)
		o->base = (latency_ns << PACE_COST_BITS) / c->side_by_side;
	if (latency_ns > o->longest_ns)
		o->longest_ns = latency_ns;
	o->requests++;
	o->sectors += nr_sectors;
}

bool pace_cost_completed(struct pace_cost *c, enum pace_op op, uint32_t nr_sectors,
			 uint64_t latency_ns, uint64_t now)
{
	uint64_t requests = 0;

	/* Nobody knows how long the drive had nothing to do before the first request came. */
	if (!c->since_ns)
		c->since_ns = now - latency_ns;
	cost_count(c, op, nr_sectors, latency_ns);
	if (now - c->since_ns < COST_PERIOD_NS)
		return false;
	for (int i = 0; i < PACE_OPS; i++)
		requests += c->op[i].requests;
	if (!c->spare && requests < COST_REQUESTS)
		return false;
	if (!c->spare)
		cost_learn(c, now - c->since_ns);
	for (int i = 0; i < PACE_OPS; i++)
		c->op[i].requests = c->op[i].sectors = 0;
	c->since_ns = now;
	c->spare = false;
	return true;
}
