/* SPDX-License-Identifier: Apache-2.0 */
/*
 * check.c - see check.h.
 *
 * An image is recovered only once for each promise: the same image comes up at many moments. The
 * drive holds the medium of the cache whenever an image is made, and is put back after each.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "check.h"
#include "second.h"
#include "set.h"
#include "store/format/xxh.h"
#include "store/store.h"

static struct {
	struct second second;
	struct set images, checked, interrupted;
	uint64_t ids[MODEL_KEYS][2];
	struct cache level[CHECK_LEVELS]; /* 1 and 2: power cuts in a recovery */
	struct journal journal[CHECK_LEVELS];
	/* The seed. */
	struct model model;
	uint8_t *image;
	uint64_t bytes;
	uint64_t turn; /* images that were recovered */
	/* What is the same for all images of one moment. */
	uint64_t want; /* the state that an interrupted recovery must end in */
	unsigned depth;
	bool good;
} now;

static struct checker *checker;

static uint64_t check_state(const struct model_found found[MODEL_KEYS])
{
	return xxh_hash(found, MODEL_KEYS * sizeof(found[0]), 1);
}

static void check_identities(struct run *run)
{
	for (uint64_t key = 0; key < MODEL_KEYS; key++)
		checksum_identity(&run->s->io.key, &key, sizeof(key), now.ids[key]);
}

/* Recovers what is on the drive, and looks at it. JOURNAL gets the commands of the recovery. */
static bool check_recover(struct checker *c, struct model_found found[MODEL_KEYS],
			  struct journal *journal)
{
	struct run *run = &c->run;
	bool good;

	if (journal)
		journal_reset(journal);
	drive.journal = journal;
	if (run_open(run))
		return run_wrong(run, "opening: %s", weir_error());
	drive.journal = NULL;
	good = run_look(run, found);
	run_off(run);
	drive.off = false;
	c->coverage->recoveries++;
	return good;
}

static bool check_promise(struct checker *c, const struct model_found found[MODEL_KEYS])
{
	struct run *run = &c->run;

	for (uint32_t key = 0; key < MODEL_KEYS; key++) {
		const char *why =
			model_check(&run->model, key, &found[key], c->point,
				    run->cache.flushed[run->model.device[key]], c->choice.killed);

		if (why)
			return run_wrong(run, "%s", why);
	}
	return true;
}

static bool check_cuts(struct checker *c, unsigned level);

/* Looks at an image that a power cut in a recovery left. */
static bool check_interrupted(struct image_choice *choice, void *user)
{
	struct checker *c = user;
	struct model_found found[MODEL_KEYS];
	unsigned level = now.depth;
	struct cache *cache = &now.level[level];
	uint64_t hash = image_make(cache, choice);
	bool again = level + 1 < CHECK_LEVELS;

	if (!set_add(&now.interrupted, hash)) {
		drive_undo(cache->medium);
		return true;
	}
	c->coverage->interrupted++;
	c->coverage->twice += level == 2;
	if (again)
		cache_begin(&now.level[level + 1], drive.now);
	if (!check_recover(c, found, again ? &now.journal[level + 1] : NULL))
		now.good = false;
	else if (check_state(found) != now.want)
		now.good = run_wrong(&c->run, "an interrupted recovery ends with other entries");
	else if (again)
		check_cuts(c, level + 1);
	if (again)
		drive_load(cache->medium);
	else
		drive_undo(cache->medium);
	return now.good;
}

/* Cuts the power at each command of a recovery, whose journal and cache are those of LEVEL. */
static bool check_cuts(struct checker *c, unsigned level)
{
	static const struct image_limits limits = { 16, 8 };
	struct journal *j = &now.journal[level];
	struct cache *cache = &now.level[level];
	size_t end = strlen(c->trail);

	drive_load(cache->medium);
	for (uint32_t i = 0; i < j->count && now.good; i++) {
		if (!cache_step(cache, j, i))
			continue;
		now.depth = level;
		if (end + 64 < sizeof(c->trail))
			snprintf(c->trail + end, 64, ", then cut at event %u of the recovery", i);
		image_each(cache, false, &limits, check_interrupted, c);
	}
	if (now.good)
		c->trail[end] = 0;
	return now.good;
}

/* Looks at one image, which is on the drive. */
static bool check_image(struct checker *c)
{
	struct model_found found[MODEL_KEYS];
	uint64_t turn = now.turn++;
	bool deep = c->deep && turn % c->deep == 0;
	bool compare = c->second && c->compare && turn % c->compare == 0;
	const char *why;

	if (deep)
		cache_begin(&now.level[1], drive.now);
	if (compare)
		second_ask(&now.second, drive.now);
	if (!check_recover(c, found, deep ? &now.journal[1] : NULL) || !check_promise(c, found))
		return false;
	if (compare) {
		c->coverage->compared++;
		why = second_differs(&now.second, now.ids, found);
		if (why)
			return run_wrong(&c->run, "%s", why);
	}
	if (!deep)
		return true;
	now.want = check_state(found);
	set_free(&now.interrupted);
	check_cuts(c, 1);
	drive_load(c->run.cache.medium);
	return now.good;
}

static void check_count(struct checker *c, const struct image_choice *choice, uint64_t hash)
{
	struct coverage *v = c->coverage;

	v->images++;
	if (!set_add(&now.images, hash))
		return;
	v->distinct++;
	v->torn += image_torn(&c->run.cache, choice) > 0;
	v->lost += strchr(choice->letters, '0') != NULL;
	v->discards += choice->discard != IMAGE_DISCARD_KEEPS;
	v->killed += choice->killed;
	v->split += image_split(&c->run.cache, choice);
}

static bool check_choice(struct image_choice *choice, void *user)
{
	struct checker *c = user;
	const struct cache *cache = &c->run.cache;
	uint64_t hash, promise;

	if (check_is_enough(c))
		return false;
	c->choice = *choice;
	hash = image_make(cache, choice);
	check_count(c, choice, hash);
	promise = model_promise(&c->run.model, c->point, cache->flushed, choice->killed);
	if (set_add(&now.checked, hash ^ promise) && !check_image(c))
		now.good = false;
	drive_undo(cache->medium);
	return now.good;
}

static void check_target(struct checker *c)
{
	c->choice = c->target.choice;
	image_make(&c->run.cache, &c->choice);
	now.good = check_image(c);
	drive_load(c->run.cache.medium);
}

/* Looks at what a power cut may leave behind event I - 1. */
static void check_point(struct checker *c, uint32_t point)
{
	c->point = point;
	if (c->target.set) {
		if (c->target.life == c->life && c->target.point == point)
			check_target(c);
		return;
	}
	c->coverage->points++;
	image_each(&c->run.cache, false, &c->limits, check_choice, c);
	if (now.good)
		image_each(&c->run.cache, true, &c->limits, check_choice, c);
}

/* Goes through the journal of a life that has ended. */
static void check_life(struct run *run)
{
	struct checker *c = checker;

	c->life++;
	now.good = true;
	drive_load(run->cache.medium);
	if (!*run->wrong && !run->from)
		check_point(c, 0);
	for (uint32_t i = 0; i < run->journal.count; i++)
		if (cache_step(&run->cache, &run->journal, i) && now.good && !*run->wrong &&
		    run->from != MODEL_NEVER && i + 1 > run->from && !check_is_enough(c))
			check_point(c, i + 1);
}

bool check_is_enough(const struct checker *c)
{
	return c->most && now.images.count >= c->most;
}

bool check_begin(struct checker *c, const struct seed *seed)
{
	struct run *run = &c->run;

	checker = c;
	if (!seed_make(run, seed))
		return false;
	now.bytes = drive.bytes;
	now.image = malloc(now.bytes);
	CHECK(now.image);
	memcpy(now.image, run->cache.medium, now.bytes);
	now.model = run->model;
	for (unsigned n = 1; n < CHECK_LEVELS; n++)
		cache_make(&now.level[n]);
	if (c->second)
		second_start(&now.second, c->second, run->devices, drive.device_bytes);
	drive.off = false;
	if (run_open(run))
		return run_wrong(run, "opening the seed: %s", weir_error());
	check_identities(run);
	run_off(run);
	return true;
}

void check_end(struct checker *c)
{
	second_stop(&now.second);
	for (unsigned n = 1; n < CHECK_LEVELS; n++) {
		cache_free(&now.level[n]);
		journal_reset(&now.journal[n]);
		free(now.journal[n].events);
	}
	free(now.image);
	set_free(&now.images);
	set_free(&now.checked);
	set_free(&now.interrupted);
	memcpy(c->coverage->fired, drive.fired, sizeof(drive.fired));
	c->coverage->read_faults = c->run.read_faults;
	c->coverage->footer_faults = c->run.footer_faults;
	c->coverage->move_faults = c->run.move_faults;
	memset(&now, 0, sizeof(now));
	run_free(&c->run);
}

static void check_reset(struct checker *c)
{
	struct run *run = &c->run;

	run->model = now.model;
	cache_begin(&run->cache, now.image);
	drive_load(now.image);
	journal_reset(&run->journal);
	drive.journal = &run->journal;
	drive.random = run->random = 7;
	drive_time = 0;
	run->fillers = run->moves = 0;
	run->life_ended = check_life;
	c->life = 0;
	c->trail[0] = 0;
	drive_fail(DRIVE_FAIL_READ, 0, 0);
}

bool check_program(struct checker *c, const struct program *p, unsigned fresh)
{
	struct run *run = &c->run;

	check_reset(c);
	c->coverage->programs++;
	if (run_open(run))
		return run_wrong(run, "opening the seed: %s", weir_error());
	return run_program(run, p, fresh);
}
