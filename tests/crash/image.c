/* SPDX-License-Identifier: Apache-2.0 */
/*
 * image.c - see image.h. A cache owns its medium; the journal owns what was written.
 */
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "image.h"
#include "store/format/xxh.h"

struct image_option {
	uint32_t sector;
	uint32_t count; /* 2 or more */
	const uint8_t *data[IMAGE_VERSIONS + 1];
	uint64_t hash[IMAGE_VERSIONS + 1];
	uint32_t begun[IMAGE_VERSIONS + 1];
};

/* The ways to fill in a choice of a sample: see choice_sample(). */
#define IMAGE_MANNERS 12u

static struct image_option options[IMAGE_OPTIONS];

static uint64_t sector_hash(uint32_t sector, const uint8_t *data)
{
	return xxh_hash(data, DRIVE_SECTOR, sector + 1);
}

static uint32_t cache_device(const struct cache *c, uint32_t sector)
{
	return (uint32_t)(sector / (c->device_bytes / DRIVE_SECTOR));
}

static uint8_t *cache_sector(const struct cache *c, uint32_t sector)
{
	return c->medium + (uint64_t)sector * DRIVE_SECTOR;
}

void cache_make(struct cache *c)
{
	uint64_t bytes = drive.bytes, n = bytes / DRIVE_SECTOR;

	*c = (struct cache){ .bytes = bytes, .device_bytes = drive.device_bytes };
	c->medium = malloc(bytes);
	c->older = malloc(bytes);
	c->hash = calloc(n, sizeof(*c->hash));
	c->discarded = calloc(n, sizeof(*c->discarded));
	c->sectors = calloc(n, sizeof(*c->sectors));
	c->place = calloc(n, sizeof(*c->place));
	CHECK(c->medium && c->older && c->hash && c->discarded && c->sectors && c->place);
}

void cache_free(struct cache *c)
{
	free(c->medium);
	free(c->older);
	free(c->hash);
	free(c->discarded);
	free(c->sectors);
	free(c->place);
}

void cache_begin(struct cache *c, const uint8_t *image)
{
	uint64_t n = c->bytes / DRIVE_SECTOR;

	memcpy(c->medium, image, c->bytes);
	memcpy(c->older, image, c->bytes);
	memset(c->discarded, 0, n * sizeof(*c->discarded));
	memset(c->place, 0, n * sizeof(*c->place));
	memset(c->flushed, 0, sizeof(c->flushed));
	c->count = c->discards = 0;
	c->sum = 0;
	for (uint32_t s = 0; s < n; s++) {
		c->hash[s] = sector_hash(s, cache_sector(c, s));
		c->sum ^= c->hash[s];
	}
}

static void cache_write(struct cache *c, uint32_t sector, const uint8_t *data, uint32_t event)
{
	struct cached_sector *at;

	if (!c->place[sector]) {
		c->sectors[c->count] = (struct cached_sector){ .sector = sector };
		c->place[sector] = ++c->count;
	}
	at = &c->sectors[c->place[sector] - 1];
	CHECK(at->count < IMAGE_VERSIONS);
	at->version[at->count++] =
		(struct cached){ data, sector_hash(sector, data), event, UINT32_MAX };
}

/* Puts a version on the medium. */
static void cache_settle(struct cache *c, uint32_t sector, const struct cached *v)
{
	uint8_t *to = cache_sector(c, sector);

	memcpy(c->older + (uint64_t)sector * DRIVE_SECTOR, to, DRIVE_SECTOR);
	memcpy(to, v->data, DRIVE_SECTOR);
	drive_poke(sector, v->data);
	c->sum ^= c->hash[sector] ^ v->hash;
	c->hash[sector] = v->hash;
	if (c->discarded[sector] && v->begun >= c->discarded[sector]) {
		c->discarded[sector] = 0;
		c->discards--;
	}
}

/* Settles the last version of a sector that had completed before event BEGUN, if there is one. */
static void cache_flush_sector(struct cache *c, uint32_t i, uint32_t begun)
{
	struct cached_sector *at = &c->sectors[i];
	uint32_t n = at->count;

	while (n && at->version[n - 1].done >= begun)
		n--;
	if (!n)
		return;
	cache_settle(c, at->sector, &at->version[n - 1]);
	at->count -= n;
	memmove(at->version, at->version + n, at->count * sizeof(at->version[0]));
}

static void cache_flush(struct cache *c, uint32_t device, uint32_t begun)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < c->count; i++) {
		if (cache_device(c, c->sectors[i].sector) == device)
			cache_flush_sector(c, i, begun);
		c->place[c->sectors[i].sector] = c->sectors[i].count ? n + 1 : 0;
		if (c->sectors[i].count)
			c->sectors[n++] = c->sectors[i];
	}
	c->count = n;
	if (begun > c->flushed[device])
		c->flushed[device] = begun;
}

static void cache_completed(struct cache *c, const struct drive_event *e, uint32_t event)
{
	for (uint64_t at = 0; at < e->length; at += DRIVE_SECTOR) {
		uint32_t place = c->place[(e->offset + at) / DRIVE_SECTOR];
		struct cached_sector *s = place ? &c->sectors[place - 1] : NULL;

		for (uint32_t n = 0; s && n < s->count; n++)
			if (s->version[n].begun == e->begun)
				s->version[n].done = event;
	}
}

bool cache_step(struct cache *c, const struct journal *j, uint32_t i)
{
	const struct drive_event *e = &j->events[i];
	uint32_t sector = (uint32_t)(e->offset / DRIVE_SECTOR), n;

	switch (e->kind) {
	case DRIVE_WRITE:
		for (n = 0; n < e->length / DRIVE_SECTOR; n++)
			cache_write(c, sector + n, e->data + (size_t)n * DRIVE_SECTOR, i);
		return true;
	case DRIVE_WRITTEN:
		cache_completed(c, e, i);
		return true;
	case DRIVE_FLUSHED:
		cache_flush(c, cache_device(c, sector), e->begun);
		return true;
	case DRIVE_DISCARD:
		for (n = sector; n < sector + e->length / DRIVE_SECTOR; n++) {
			c->discards += !c->discarded[n];
			c->discarded[n] = i + 1;
		}
		return true;
	default:
		return false;
	}
}

static void option_add(struct image_option *o, const uint8_t *data, uint64_t hash, uint32_t begun)
{
	for (uint32_t n = 0; n < o->count; n++)
		if (o->hash[n] == hash)
			return;
	o->data[o->count] = data;
	o->begun[o->count] = begun;
	o->hash[o->count++] = hash;
}

/* Finds out what S may hold. The first option is the oldest. */
static void option_make(struct image_option *o, const struct cache *c,
			const struct cached_sector *s, bool killed)
{
	uint32_t n, last = 0;

	*o = (struct image_option){ .sector = s->sector };
	for (n = 0; killed && n < s->count; n++)
		if (s->version[n].done != UINT32_MAX)
			last = n + 1;
	if (!last)
		option_add(o, cache_sector(c, s->sector), c->hash[s->sector], UINT32_MAX);
	for (n = last ? last - 1 : 0; n < s->count; n++)
		option_add(o, s->version[n].data, s->version[n].hash, s->version[n].begun);
}

static uint32_t options_make(const struct cache *c, bool killed)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < c->count && n < IMAGE_OPTIONS; i++) {
		option_make(&options[n], c, &c->sectors[i], killed);
		/* With one option that is not on the medium there is no choice, but work. */
		if (options[n].count > 1 || options[n].hash[0] != c->hash[options[n].sector])
			n++;
	}
	return n;
}

/* What is known of the sectors with a choice: how many options each has, and on which device. */
struct choice_of {
	uint8_t count, device;
};

/* Sets the manners of choice number K of a sample. The first choices keep nothing and everything,
 * of all devices. Then each of several devices has a manner of its own. */
static void choice_manners(const struct cache *c, unsigned manners[DRIVE_DEVICES], unsigned k,
			   uint64_t *random)
{
	for (uint32_t d = 0; d < DRIVE_DEVICES; d++) {
		manners[d] = k;
		if (k > 1 && c->device_bytes < c->bytes)
			manners[d] = (unsigned)(drive_random(random) % IMAGE_MANNERS);
	}
}

/* Fills in one choice of a sample. The manner of a device says what it keeps: none, all, then
 * random ones, sparse, even and dense. */
static void choice_sample(struct image_choice *choice, const struct choice_of *of, uint32_t n,
			  const unsigned manners[DRIVE_DEVICES], uint64_t *random)
{
	static const unsigned weight[] = { 2, 8, 4, 16 };

	for (uint32_t i = 0; i < n; i++) {
		unsigned k = manners[of[i].device];
		uint32_t pick = (uint32_t)(drive_random(random) % of[i].count);
		bool rare = drive_random(random) % weight[k % 4] == 0;

		if (k == 0 || (k != 1 && k % 3 == 1 && !rare))
			pick = 0;
		else if (k == 1 || (k % 3 == 0 && !rare))
			pick = of[i].count - 1u;
		choice->letters[i] = (char)('0' + pick);
	}
}

/* Sets CHOICE to the next one of all. Returns false after the last. */
static bool choice_next(struct image_choice *choice, const struct choice_of *of, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		if (++choice->letters[i] < (char)('0' + of[i].count))
			return true;
		choice->letters[i] = '0';
	}
	return false;
}

/* Calls FN for each way in which discarded sectors may read. */
static bool choice_call(const struct cache *c, const struct image_choice *choice,
			bool (*fn)(struct image_choice *choice, void *user), void *user)
{
	struct image_choice copy;
	bool on = true;

	for (int d = 0; d < IMAGE_DISCARDS && on && (!d || c->discards); d++) {
		copy = *choice;
		copy.discard = (enum image_discard)d;
		on = fn(&copy, user);
	}
	return on;
}

/* FN may come here again with another cache, so what is needed of the options is copied. */
void image_each(const struct cache *c, bool killed, const struct image_limits *limits,
		bool (*fn)(struct image_choice *choice, void *user), void *user)
{
	struct image_choice choice = { .killed = killed };
	uint32_t n = options_make(c, killed), i;
	uint64_t all = 1, random = n;
	unsigned manners[DRIVE_DEVICES];
	struct choice_of of[IMAGE_OPTIONS];

	for (i = 0; i < DRIVE_DEVICES; i++)
		random += c->flushed[i];
	for (i = 0; i < n; i++) {
		of[i].count = (uint8_t)options[i].count;
		of[i].device = (uint8_t)cache_device(c, options[i].sector);
		choice.letters[i] = '0';
		all = all > limits->whole ? all : all * of[i].count;
	}
	if (all <= limits->whole) {
		while (choice_call(c, &choice, fn, user) && choice_next(&choice, of, n))
			;
		return;
	}
	for (i = 0; i < limits->sample; i++) {
		choice_manners(c, manners, i, &random);
		choice_sample(&choice, of, n, manners, &random);
		if (!choice_call(c, &choice, fn, user))
			return;
	}
}

static uint64_t image_discards(const struct cache *c, enum image_discard discard, uint64_t sum)
{
	static const uint8_t zeroes[DRIVE_SECTOR];
	uint64_t random = 1;

	for (uint32_t s = 0; s < c->bytes / DRIVE_SECTOR; s++) {
		const uint8_t *data = zeroes;
		uint64_t dice;

		if (!c->discarded[s])
			continue;
		dice = discard == IMAGE_DISCARD_MIXED ? drive_random(&random) % 3 : 0;
		if (dice == 2)
			continue;
		if (dice == 1)
			data = c->older + (uint64_t)s * DRIVE_SECTOR;
		drive_poke(s, data);
		sum ^= c->hash[s] ^ sector_hash(s, data);
	}
	return sum;
}

uint64_t image_make(const struct cache *c, const struct image_choice *choice)
{
	uint32_t n = options_make(c, choice->killed);
	uint64_t sum = c->sum;

	if (choice->discard != IMAGE_DISCARD_KEEPS)
		sum = image_discards(c, choice->discard, sum);
	for (uint32_t i = 0; i < n; i++) {
		const struct image_option *o = &options[i];
		uint32_t pick = (uint32_t)(choice->letters[i] - '0');
		uint64_t was;

		CHECK(pick < o->count);
		if (o->hash[pick] == c->hash[o->sector])
			continue;
		was = choice->discard == IMAGE_DISCARD_KEEPS || !c->discarded[o->sector]
			      ? c->hash[o->sector]
			      : sector_hash(o->sector,
					    drive.now + (uint64_t)o->sector * DRIVE_SECTOR);
		drive_poke(o->sector, o->data[pick]);
		sum ^= was ^ o->hash[pick];
	}
	return sum;
}

unsigned image_torn(const struct cache *c, const struct image_choice *choice)
{
	uint32_t n = options_make(c, choice->killed);
	unsigned torn = 0;

	/* The sectors of one write come one after another. */
	for (uint32_t i = 1; i < n; i++)
		torn += options[i].begun[1] == options[i - 1].begun[1] &&
			choice->letters[i] != choice->letters[i - 1];
	return torn;
}

bool image_split(const struct cache *c, const struct image_choice *choice)
{
	uint32_t n = options_make(c, choice->killed);
	/* For each device: its sectors with a choice, those that are old, and those that are new.
	 */
	uint32_t all[DRIVE_DEVICES] = { 0 }, old[DRIVE_DEVICES] = { 0 }, new[DRIVE_DEVICES] = { 0 };
	bool lost = false, kept = false;

	for (uint32_t i = 0; i < n; i++) {
		uint32_t device = cache_device(c, options[i].sector);

		all[device]++;
		old[device] += choice->letters[i] == '0';
		new[device] += choice->letters[i] == (char)('0' + options[i].count - 1u);
	}
	for (uint32_t d = 0; d < DRIVE_DEVICES; d++) {
		lost = lost || (all[d] && old[d] == all[d]);
		kept = kept || (all[d] && new[d] == all[d]);
	}
	return lost && kept;
}
