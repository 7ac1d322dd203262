/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dry.c - simulates which blocks of a trace a full store keeps.
 *
 * The store is one log of segments, which are reclaimed in their order. A block of the trace is
 * read if all blocks before it in its request were hits; the blocks behind these hits that are not
 * there are put. The eviction policy is the store's own (base/evict.h). LRU by blocks is
 * there to compare with; no store has it. There is no device and no time. A run owns its tables.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/evict.h"
#include "cli/dry.h"

#define DRY_SEGMENTS 256u /* as a store has them by default */
#define DRY_NONE UINT32_MAX
/* Positions are numbers of blocks since the start; so many budget units make a block. */
#define DRY_UNIT 4096u

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
	uint32_t *log;		       /* the blocks in the segments, as a ring */
	uint64_t room;		       /* of the ring */
	uint64_t segment;	       /* blocks in one */
	uint64_t left;		       /* of the rewrite budget of the last segment */
	uint64_t from, to;	       /* positions in use */
	uint32_t newest, oldest, held; /* LRU */
};

const char *dry_policy_name(enum dry_policy policy)
{
	static const char *const names[] = { "fifo", "clock", "lru" };

	return names[policy];
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

static void dry_add(struct dry *d, uint32_t n)
{
	d->block[n].position = d->to;
	d->block[n].read = false;
	d->log[d->to++ % d->room] = n;
}

/* Reclaims the oldest segment. What survives is appended at the end, where its own room is. */
static void dry_reclaim(struct dry *d)
{
	uint32_t percent = d->run->policy == DRY_CLOCK ? d->run->rewrite_percent : 0;
	uint64_t budget = evict_budget(percent, d->segment * DRY_UNIT, d->left);
	uint64_t end = d->from + d->segment;

	for (; d->from < end; d->from++) {
		uint32_t n = d->log[d->from % d->room];

		if (d->block[n].position != d->from)
			continue;
		d->block[n].position = UINT64_MAX;
		if (!evict_keeps(&budget, d->block[n].read, DRY_UNIT))
			continue;
		dry_add(d, n);
		d->run->rewritten++;
	}
	d->left = budget;
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

static void dry_put(struct dry *d, uint32_t n)
{
	uint32_t victim;

	d->run->puts++;
	if (d->run->policy == DRY_LRU) {
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

static bool dry_has(const struct dry *d, uint32_t n)
{
	return d->block[n].position != UINT64_MAX;
}

static void dry_request(struct dry *d, const struct trace_request *request, const uint64_t *ids)
{
	size_t i = 0;

	d->run->blocks += request->kind == TRACE_WRITE ? 0 : request->count;
	for (; request->kind != TRACE_WRITE && i < request->count; i++) {
		uint32_t n = dry_find(d, ids[i]);

		if (!dry_has(d, n))
			break;
		dry_hit(d, n);
	}
	for (; request->kind != TRACE_READ && i < request->count; i++) {
		uint32_t n = dry_find(d, ids[i]);

		if (!dry_has(d, n))
			dry_put(d, n);
	}
}

static int dry_tables(struct dry *d)
{
	int err = dry_ids(d, d->trace);

	if (err)
		return err;
	d->segment = d->run->capacity / DRY_SEGMENTS;
	if (!d->segment)
		d->segment = 1;
	d->room = d->run->capacity + 2 * d->segment;
	d->newest = d->oldest = DRY_NONE;
	d->block = calloc(d->count + 1, sizeof(*d->block));
	d->log = calloc(d->room, sizeof(*d->log));
	if (!d->block || !d->log)
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
	run->blocks = run->hits = run->puts = run->rewritten = 0;
	for (size_t i = 0; !err && i < t->count; i++)
		dry_request(&d, &t->requests[i], trace_blocks(t, i, room));
	free(room);
	free(d.ids);
	free(d.block);
	free(d.log);
	return err;
}
