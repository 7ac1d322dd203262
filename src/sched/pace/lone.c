/* SPDX-License-Identifier: Apache-2.0 */
/* lone.c - latencies of requests that were alone. See lone.h. */
#include "sched/pace/lone.h"

#include <string.h>

#include "base/nsec.h"

/* What was shortest is forgotten after one to two of these: a drive may become slower for good. */
#define LONE_PERIOD_NS (10 * NSEC_PER_SEC)
/* The shortest of fewer requests was hardly one that did not wait. */
#define LONE_REQUESTS 8u
/* A latency above this is not kept. */
#define LONE_KEPT_NS (100 * NSEC_PER_SEC)

static unsigned lone_length(uint32_t nr_sectors)
{
	unsigned bit = nr_sectors > 1 ? 32u - (unsigned)__builtin_clz(nr_sectors - 1) : 0;

	return bit < PACE_LENGTHS ? bit : PACE_LENGTHS - 1;
}

/* Returns the shortest latency of the two periods; 0: none. */
static uint64_t lone_shortest(const struct pace_lone_length *a, const struct pace_lone_length *b)
{
	if (!a->requests || (b->requests && b->shortest_ns < a->shortest_ns))
		return b->shortest_ns;
	return a->shortest_ns;
}

uint64_t pace_lone_of(const struct pace_lone *l, enum pace_op op, uint32_t nr_sectors)
{
	return l->ns[op][lone_length(nr_sectors)];
}

/* Lowers *NS, of a length of which none was alone, to MOST (0: not known). Returns what bounds the
 * next length. */
static uint64_t lone_at_most(uint64_t *ns, bool alone, uint64_t most)
{
	if (most && !alone && *ns > most)
		*ns = most;
	return *ns ? *ns : most;
}

/*
 * A length of which none was alone has been seen in a full drive only. There its shortest latency
 * is about as long as the window lets it be: a window that followed it would grow, and with it that
 * latency. But no request takes longer than two of half its length, one after the other, nor longer
 * than one that is longer. So other lengths bound it.
 */
static void lone_bound(uint64_t *ns, const bool *alone)
{
	uint64_t most = 0;

	for (unsigned i = 0; i < PACE_LENGTHS; i++)
		most = lone_at_most(&ns[i], alone[i], 2 * most);
	most = 0;
	for (unsigned i = PACE_LENGTHS; i-- > 0;)
		most = lone_at_most(&ns[i], alone[i], most);
}

/* Returns true if there were enough requests of such a length of late. */
static bool lone_in_use(const struct pace_lone *l, enum pace_op op, unsigned at)
{
	return l->before[op][at].requests >= LONE_REQUESTS ||
	       l->now[op][at].requests >= LONE_REQUESTS;
}

/* Finds what a request of each length takes alone. */
static void lone_learn(struct pace_lone *l, enum pace_op op)
{
	bool alone[PACE_LENGTHS];

	for (unsigned i = 0; i < PACE_LENGTHS; i++) {
		const struct pace_lone_length *a = &l->before[op][i], *b = &l->now[op][i];

		l->ns[op][i] = lone_shortest(a, b);
		alone[i] = a->alone || b->alone;
	}
	/* a flush has no length, and takes longer than a discard that has one */
	if (op != PACE_OTHERS)
		lone_bound(l->ns[op], alone);
}

static void lone_conclude(struct pace_lone *l, enum pace_op op)
{
	uint64_t low = 0, high = 0;

	lone_learn(l, op);
	for (unsigned i = 0; i < PACE_LENGTHS; i++) {
		uint64_t ns = l->ns[op][i];

		if (!ns)
			continue;
		low = !low || ns < low ? ns : low;
		if (lone_in_use(l, op, i))
			high = ns > high ? ns : high;
	}
	l->low[op] = low;
	l->high[op] = high > low ? high : low;
}

/* Begins a new period for OP. What had no requests in this one is still what it was: without
 * a latency its window would have no end, and all that comes at once would go to the drive. */
static void lone_forget(struct pace_lone *l, enum pace_op op)
{
	uint64_t requests = 0;

	for (unsigned i = 0; i < PACE_LENGTHS; i++)
		requests += l->now[op][i].requests;
	if (!requests)
		return;
	memcpy(l->before[op], l->now[op], sizeof(l->before[op]));
	memset(l->now[op], 0, sizeof(l->now[op]));
	lone_conclude(l, op);
}

bool pace_lone_completed(struct pace_lone *l, enum pace_op op, uint32_t nr_sectors,
			 uint64_t latency_ns, bool alone, uint64_t now)
{
	struct pace_lone_length *at = &l->now[op][lone_length(nr_sectors)];
	bool news, changed = false;

	if (now >= l->until_ns) {
		for (int i = 0; i < PACE_OPS; i++)
			lone_forget(l, (enum pace_op)i);
		l->until_ns = now + LONE_PERIOD_NS;
		changed = true;
	}
	latency_ns += !latency_ns;
	news = !at->requests || latency_ns < at->shortest_ns || (alone && !at->alone);
	if (!at->requests || latency_ns < at->shortest_ns)
		at->shortest_ns = latency_ns;
	at->alone |= alone;
	at->requests += at->requests < UINT32_MAX;
	if (!news && at->requests != LONE_REQUESTS)
		return changed;
	lone_conclude(l, op);
	return true;
}

/* What was seen of this length still bounds others. */
static void lone_unused(struct pace_lone_length *a, struct pace_lone_length *b)
{
	a->requests = a->requests > 0;
	b->requests = b->requests > 0;
}

void pace_lone_try(struct pace_lone *l, enum pace_op op)
{
	l->in_use = 0;
	for (unsigned i = 0; i < PACE_LENGTHS; i++)
		l->in_use |= (uint32_t)lone_in_use(l, op, i) << i;
}

void pace_lone_tried(struct pace_lone *l, enum pace_op op)
{
	for (unsigned i = 0; i < PACE_LENGTHS; i++)
		if (!(l->in_use >> i & 1u))
			lone_unused(&l->before[op][i], &l->now[op][i]);
	lone_conclude(l, op);
}

/* Keeps the shortest latency of one length, and whether enough requests had it. */
static void lone_keep_length(struct pace_lone *l, struct pace_keep *k, enum pace_op op, unsigned at)
{
	struct pace_lone_length *before = &l->before[op][at], *now = &l->now[op][at];
	uint64_t ns = l->ns[op][at];
	uint64_t requests = before->requests > now->requests ? before->requests : now->requests;

	pace_keep(k, &ns, 0, LONE_KEPT_NS);
	pace_keep(k, &requests, 0, LONE_REQUESTS);
	if (k->load)
		*before = (struct pace_lone_length){ ns, ns ? (uint32_t)requests : 0, ns };
}

void pace_lone_keep(struct pace_lone *l, struct pace_keep *k)
{
	for (int op = 0; op < PACE_OPS; op++) {
		for (unsigned at = 0; at < PACE_LENGTHS; at++)
			lone_keep_length(l, k, (enum pace_op)op, at);
		if (k->load)
			lone_conclude(l, (enum pace_op)op);
	}
}
