/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dry.c - simulates which blocks of a trace a full store keeps.
 *
 * The store is one log of segments, which are reclaimed in their order. A block of the trace is
 * read if all blocks before it in its request were hits; the blocks behind these hits that are not
 * there are put. The eviction policy and the write budget are the store's own (base/evict.h,
 * base/spend.h, base/seen.h), and the budget's clock is the trace's. LRU by blocks is there to
 * compare with; no store has it. Headers and footers count for the budget only, and a batch is
 * taken to have DRY_BATCH blocks. A run owns its tables.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/evict.h"
#include "base/seen.h"
#include "base/spend.h"
#include "cli/dry.h"

#define DRY_NONE UINT32_MAX

/* What is known of a block of the trace. */
struct dry_block {
	uint64_t position;     /* of its newest copy in the log; UINT64_MAX: it is not there */
	uint32_t newer, older; /* LRU */
	bool read;
};

struct dry {
	const struct trace *trace;
	struct dry_run *run;
	uint64_t *ids; /* the different ids of the trace, sorted */
	size_t count;
	struct dry_block *block;
	uint32_t *log;	   /* the blocks in the segments, as a ring */
	uint64_t room;	   /* of the ring */
	uint64_t segment;  /* blocks in one */
	uint64_t left;	   /* of the rewrite budget of the last segment */
	uint64_t from, to; /* positions in use */
	struct spend spend;
	uint32_t batch; /* blocks in the last one */
	struct seen seen;
	uint32_t newest, oldest, held; /* LRU */
};

const char *dry_policy_name(enum dry_policy policy)
{
	static const char *const names[] = { "fifo", "clock", "lru", "second" };

	return names[policy];
}

bool dry_policy_rewrites(enum dry_policy policy)
{
	return policy == DRY_CLOCK || policy == DRY_SECOND;
}

bool dry_policy_has_budget(enum dry_policy policy)
{
	return policy == DRY_FIFO || policy == DRY_CLOCK;
}

static int dry_compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

/* Makes the sorted list of the different ids. Returns 0 or -ENOMEM. */
static int dry_ids(struct dry *d, const struct trace *t)
{
	size_t total = 0, used = 0;
	uint64_t *room;

	for (size_t i = 0; i < t->count; i++)
		total += t->requests[i].count;
	d->ids = calloc(total + 1, sizeof(*d->ids));
	room = calloc(total + 1, sizeof(*room));
	if (!d->ids || !room) {
		free(room);
		return error_set(-ENOMEM, "out of memory for a trace of %zu blocks", total);
	}
	for (size_t i = 0; i < t->count; i++) {
		memcpy(d->ids + used, trace_blocks(t, i, room),
		       t->requests[i].count * sizeof(*d->ids));
		used += t->requests[i].count;
	}
	free(room);
	qsort(d->ids, total, sizeof(*d->ids), dry_compare);
	for (size_t i = 0; i < total; i++)
		if (!i || d->ids[i] != d->ids[d->count - 1])
			d->ids[d->count++] = d->ids[i];
	return 0;
}

int64_t dry_working_set(const struct trace *t)
{
	struct dry d = { 0 };
	int err = dry_ids(&d, t);

	free(d.ids);
	return err ? err : (int64_t)d.count;
}

static uint32_t dry_find(const struct dry *d, uint64_t id)
{
	const uint64_t *at = bsearch(&id, d->ids, d->count, sizeof(id), dry_compare);

	return (uint32_t)(at - d->ids);
}

static bool dry_has(const struct dry *d, uint32_t n)
{
	return d->block[n].position != UINT64_MAX;
}

static uint64_t dry_padded(const struct dry *d)
{
	return (d->run->block_bytes + DRY_HEADER - 1) / DRY_HEADER * DRY_HEADER;
}

/* Notes what the block that was appended has cost. */
static void dry_spend(struct dry *d)
{
	uint64_t bytes = dry_padded(d);

	if (d->to % d->run->segment == 0)
		bytes += (uint64_t)DRY_SEGMENT_HEADERS * DRY_HEADER;
	if (d->batch++ % DRY_BATCH == 0)
		bytes += DRY_HEADER;
	spend_take(&d->spend, bytes);
}

static void dry_add(struct dry *d, uint32_t n)
{
	d->block[n].position = d->to;
	d->block[n].read = false;
	d->log[d->to++ % d->room] = n;
	dry_spend(d);
}

/* Reclaims the oldest segment. What survives is appended at the end, where its own room is. */
static void dry_reclaim(struct dry *d)
{
	uint32_t percent = dry_policy_rewrites(d->run->policy) ? d->run->rewrite_percent : 0;
	uint64_t budget = evict_budget(percent, d->run->segment_bytes, d->left);
	uint32_t batch = d->batch;
	uint64_t end = d->from + d->run->segment;

	for (; d->from < end; d->from++) {
		uint32_t n = d->log[d->from % d->room];

		if (d->block[n].position != d->from)
			continue;
		d->block[n].position = UINT64_MAX;
		if (!evict_keeps(&budget, d->block[n].read, dry_padded(d)))
			continue;
		d->batch = d->run->rewritten % DRY_SURVIVOR_BATCH;
		dry_add(d, n);
		d->run->rewritten++;
	}
	d->left = budget;
	d->batch = batch;
}

static void dry_lru_unlink(struct dry *d, uint32_t n)
{
	struct dry_block *b = &d->block[n];

	if (b->newer == DRY_NONE)
		d->newest = b->older;
	else
		d->block[b->newer].older = b->older;
	if (b->older == DRY_NONE)
		d->oldest = b->newer;
	else
		d->block[b->older].newer = b->newer;
	d->held--;
}

static void dry_lru_push(struct dry *d, uint32_t n)
{
	struct dry_block *b = &d->block[n];

	b->newer = DRY_NONE;
	b->older = d->newest;
	if (d->newest == DRY_NONE)
		d->oldest = n;
	else
		d->block[d->newest].newer = n;
	d->newest = n;
	d->held++;
}

/* Returns true if the write budget admits block N at TIME. */
static bool dry_admits(struct dry *d, uint32_t n, uint64_t time)
{
	/* Neighbours must not share a bucket; this is the multiplier of Fibonacci hashing. */
	uint64_t hash = d->ids[n] * 0x9e3779b97f4a7c15ull;
	bool seen;

	if (!d->spend.per_day && d->run->policy != DRY_SECOND)
		return true;
	seen = seen_note(&d->seen, hash ^ hash >> 32);
	spend_advance(&d->spend, time);
	if (d->run->policy == DRY_SECOND ? seen : spend_admits(&d->spend, seen))
		return true;
	d->run->refused++;
	return false;
}

static void dry_put(struct dry *d, uint32_t n, uint64_t time)
{
	uint32_t victim;

	if (!dry_admits(d, n, time))
		return;
	d->run->puts++;
	if (d->run->policy == DRY_LRU) {
		if (dry_has(d, n))
			dry_lru_unlink(d, n);
		for (; d->held >= d->run->capacity; d->block[victim].position = UINT64_MAX) {
			victim = d->oldest;
			dry_lru_unlink(d, victim);
		}
		d->block[n].position = 0;
		dry_lru_push(d, n);
		return;
	}
	/* A put goes to the open segment; there is room for it before that is full. */
	while (d->to - d->from >= d->run->capacity)
		dry_reclaim(d);
	dry_add(d, n);
}

static void dry_hit(struct dry *d, uint32_t n)
{
	d->run->hits++;
	d->block[n].read = true;
	if (d->run->policy != DRY_LRU)
		return;
	dry_lru_unlink(d, n);
	dry_lru_push(d, n);
}

static uint64_t dry_time(const struct dry *d, const struct trace_request *request)
{
	return (uint64_t)((double)request->time_ns / d->run->speed);
}

static void dry_request(struct dry *d, const struct trace_request *request, const uint64_t *ids)
{
	size_t i = 0;

	d->batch = 0;
	d->run->blocks += request->kind == TRACE_WRITE ? 0 : request->count;
	for (; request->kind != TRACE_WRITE && i < request->count; i++) {
		uint32_t n = dry_find(d, ids[i]);

		if (!dry_has(d, n))
			break;
		dry_hit(d, n);
	}
	for (; request->kind != TRACE_READ && i < request->count; i++) {
		uint32_t n = dry_find(d, ids[i]);

		/* An object that the trace puts is new. */
		if (request->kind == TRACE_WRITE || !dry_has(d, n))
			dry_put(d, n, dry_time(d, request));
	}
}

static int dry_tables(struct dry *d)
{
	int err = dry_ids(d, d->trace);

	if (err)
		return err;
	if (dry_policy_has_budget(d->run->policy))
		d->spend.per_day = d->run->budget;
	if (d->trace->count)
		d->spend.time = dry_time(d, &d->trace->requests[0]);
	d->room = d->run->capacity + 2 * d->run->segment;
	d->newest = d->oldest = DRY_NONE;
	d->block = calloc(d->count + 1, sizeof(*d->block));
	d->log = calloc(d->room, sizeof(*d->log));
	if (!d->block || !d->log || seen_init(&d->seen))
		return error_set(-ENOMEM, "out of memory for a store of %llu blocks",
				 (unsigned long long)d->run->capacity);
	for (size_t n = 0; n < d->count; n++)
		d->block[n].position = UINT64_MAX;
	return 0;
}

int dry_simulate(const struct trace *t, struct dry_run *run)
{
	struct dry d = { .trace = t, .run = run };
	uint64_t *room = NULL;
	size_t longest = 1;
	int err = dry_tables(&d);

	for (size_t i = 0; i < t->count; i++)
		if (t->requests[i].count > longest)
			longest = t->requests[i].count;
	room = calloc(longest, sizeof(*room));
	if (!err && !room)
		err = error_set(-ENOMEM, "out of memory for a request of %zu blocks", longest);
	run->blocks = run->hits = run->puts = run->rewritten = run->refused = 0;
	for (size_t i = 0; !err && i < t->count; i++)
		dry_request(&d, &t->requests[i], trace_blocks(t, i, room));
	free(room);
	free(d.ids);
	free(d.block);
	free(d.log);
	seen_free(&d.seen);
	return err;
}
