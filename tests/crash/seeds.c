/* SPDX-License-Identifier: Apache-2.0 */
/* seeds.c - see seeds.h. */
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "seeds.h"

#define SEED_FIRST 65536u /* where segment 0 begins */
#define SEED_SEGMENT 65536u

static void seed_keys(struct run *run)
{
	for (uint32_t key = 0; key < 5; key++)
		run_put(run, key, 0, 0, 0);
	run_settle(run);
	run_put(run, 2, 0, 0, 0);
	run_delete(run, 3, 0);
	run_settle(run);
}

static void seed_sealed(struct run *run)
{
	seed_keys(run);
	for (unsigned n = 0; n < 5; n++)
		run_fill(run);
	run_step(run, STEP_SEAL, false);
}

static void seed_full(struct run *run)
{
	for (unsigned n = 0; n < 3; n++)
		run_step(run, STEP_RECLAIM, false);
	seed_keys(run);
}

static void seed_tenants(struct run *run)
{
	uint32_t stream[2] = { 0, 0 };

	CHECK(weir_store_add_tenant(run->s, "one", &stream[0]) >= 0);
	CHECK(weir_store_add_tenant(run->s, "other", &stream[1]) >= 0);
	for (uint32_t key = 0; key < 5; key++)
		run_put(run, key, 0, 0, stream[key % 2]);
	run_settle(run);
	run_delete(run, 2, 0);
	run_put(run, 2, 0, 0, stream[1]);
	run_fill(run);
	run_put(run, 1, 0, WEIR_PUT_DURABLE, 0);
}

/* The power went while a segment was open and two operations were under way. */
static void seed_unclean(struct run *run)
{
	seed_keys(run);
	run_sync(run);
	run_settle(run);
	run_put(run, 0, 0, 0, 0);
	run_settle(run);
	run_step(run, STEP_CRASH, false);
	run_put(run, 1, 0, 0, 0);
	run_settle(run);
	run_put(run, 0, 0, 0, 0);
	run_delete(run, 2, 0);
	for (unsigned n = 0; n < 3; n++)
		weir_store_poll(run->s);
	run_off(run);
}

static void seed_failed_batch(struct run *run)
{
	seed_keys(run);
	run_step(run, STEP_BAD_WRITE, false);
	run_put(run, 1, 0, 0, 0);
	run_settle(run);
}

static void seed_tombstones(struct run *run)
{
	seed_keys(run);
	run_step(run, STEP_SEAL, false);
	run_delete(run, 0, WEIR_PUT_DURABLE);
	run_delete(run, 1, 0);
	run_settle(run);
	run_step(run, STEP_SEAL, false);
}

/* Few keys, overwritten again and again. */
static void seed_garbage(struct run *run)
{
	seed_keys(run);
	for (unsigned n = 0; n < 11; n++) {
		run_put(run, MODEL_SMALL + n % 2, 28000, 0, 0);
		run_settle(run);
	}
	run_put(run, 0, 0, 0, 0);
}

/* One key is all that lives in the oldest segment, and FREE segments are left. Once the key is put
 * again, only what was put keeps it. */
static void seed_one_left(struct run *run, uint64_t free)
{
	struct weir_store_stats stats = WEIR_STORE_STATS_INIT;

	run_put(run, 0, 0, WEIR_PUT_DURABLE, 0);
	run_settle(run);
	do {
		run_put(run, MODEL_SMALL + run->fillers++ % 2, 28000, 0, 0);
		run_settle(run);
		CHECK(!weir_store_get_stats(run->s, &stats));
	} while (stats.free_segments > free);
}

/* The next segments are reclaimed soon. */
static void seed_superseded(struct run *run)
{
	seed_one_left(run, 3);
}

/* The next segment is reclaimed when the first one that is begun is half full: no header was
 * flushed after what is put then. */
static void seed_brink(struct run *run)
{
	seed_one_left(run, 2);
}

/* The trailer of segment 0 was damaged after the store was closed. */
static void seed_bad_footer(struct run *run)
{
	seed_sealed(run);
	run_close(run);
	drive.now[SEED_FIRST + SEED_SEGMENT - 100] ^= 4;
}

/* The process was killed: everything that had completed is there, nothing was sealed. */
static void seed_killed(struct run *run)
{
	seed_keys(run);
	run_fill(run);
	run_put(run, 0, 0, 0, 0);
	run_settle(run);
	run_off(run);
}

/* Key 0 is alive in two logs: the power went, the tombstone in the first log was lost, and what was
 * put into the other one was not. The recovery of each program strikes the older record. */
static void seed_conflict(struct run *run)
{
	uint8_t *before = malloc(drive.bytes), *after = malloc(drive.bytes);
	uint32_t stream = 0;

	CHECK(before && after);
	seed_keys(run);
	CHECK(weir_store_add_tenant(run->s, "other", &stream) >= 0);
	run_put(run, 5, 0, WEIR_PUT_DURABLE, stream);
	run_settle(run);
	memcpy(before, drive.now, drive.bytes);
	run_delete(run, 0, 0);
	run_settle(run);
	memcpy(after, drive.now, drive.bytes);
	run_put(run, 0, 0, 0, stream);
	run_settle(run);
	run_off(run);
	for (uint64_t i = 0; i < drive.bytes; i++)
		drive.now[i] = before[i] != after[i] ? before[i] : drive.now[i];
	free(before);
	free(after);
}

const struct seed seeds[] = {
	{ "empty", 1, 16, NULL },
	{ "keys", 1, 16, seed_keys },
	{ "sealed", 1, 9, seed_sealed },
	{ "full", 1, 9, seed_full },
	{ "tenants", 1, 24, seed_tenants },
	{ "unclean", 1, 9, seed_unclean },
	{ "failed-batch", 1, 9, seed_failed_batch },
	{ "tombstones", 1, 9, seed_tombstones },
	{ "garbage", 1, 9, seed_garbage },
	{ "superseded", 1, 9, seed_superseded },
	{ "brink", 1, 9, seed_brink },
	{ "bad-footer", 1, 9, seed_bad_footer },
	{ "killed", 1, 16, seed_killed },
	{ "conflict", 1, 16, seed_conflict },
	{ "two", 2, 9, seed_keys },
	{ "two-full", 2, 9, seed_full },
	{ "two-tenants", 2, 16, seed_tenants },
	{ "two-unclean", 2, 9, seed_unclean },
	{ "three", 3, 9, seed_sealed },
};
const unsigned seed_count = sizeof(seeds) / sizeof(seeds[0]);

unsigned seed_count_single(void)
{
	unsigned n = 0;

	while (n < seed_count && seeds[n].devices == 1)
		n++;
	return n;
}

bool seed_make(struct run *run, const struct seed *seed)
{
	run_make(run, seed->devices, seed->segments);
	cache_begin(&run->cache, drive.now);
	drive_load(run->cache.medium);
	drive.journal = &run->journal;
	if (run_open(run))
		return run_wrong(run, "opening the seed: %s", weir_error());
	run_place(run);
	if (seed->make)
		seed->make(run);
	if (run->s)
		run_close(run);
	drive.journal = NULL;
	drive.off = false;
	return !*run->wrong && run_restart(run);
}
