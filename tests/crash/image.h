/* SPDX-License-Identifier: Apache-2.0 */
/*
 * image.h - what a power cut may leave: the cache of a drive, followed through a journal, and the
 * images that any choice of its unflushed sectors makes.
 */
#ifndef CRASH_IMAGE_H
#define CRASH_IMAGE_H

#include "drive.h"

#define IMAGE_VERSIONS 12u
#define IMAGE_OPTIONS 2048u /* most sectors with a choice */

/* What a sector may hold that was written since its last flush. */
struct cached {
	const uint8_t *data;
	uint64_t hash;
	uint32_t begun, done; /* events; UINT32_MAX: it has not completed */
};

struct cached_sector {
	uint32_t sector, count;
	struct cached version[IMAGE_VERSIONS];
};

/* The cache and the medium of a drive at one moment. */
struct cache {
	uint8_t *medium;
	uint8_t *older; /* what each sector held before, for discards */
	uint64_t *hash; /* of each sector of the medium */
	uint64_t sum;	/* of the whole medium */
	uint64_t bytes, device_bytes;
	uint32_t *discarded; /* for each sector: the event that discarded it + 1, or 0 */
	uint32_t discards;   /* number of discarded sectors */
	struct cached_sector *sectors;
	uint32_t count;
	uint32_t *place; /* for each sector: its number in `sectors` + 1, or 0 */
	/* For each device: everything that had completed at this event is on its medium. */
	uint32_t flushed[DRIVE_DEVICES];
};

/* What discarded sectors read as. */
enum image_discard {
	IMAGE_DISCARD_KEEPS, /* what they held */
	IMAGE_DISCARD_ZERO,
	IMAGE_DISCARD_MIXED, /* each something of zeroes, what it held, and what it held before */
	IMAGE_DISCARDS,
};

/* One image: for each sector with a choice, a letter ('0': the old contents). */
struct image_choice {
	char letters[IMAGE_OPTIONS + 1];
	enum image_discard discard;
	bool killed; /* what had completed is there: only the process was killed */
};

/* Makes a cache for the drive as it was made. */
void cache_make(struct cache *c);
void cache_free(struct cache *c);
/* Begins with a drive that holds IMAGE, and an empty cache. */
void cache_begin(struct cache *c, const uint8_t *image);
/* Applies event number I. Returns false if it changes nothing that a power cut could show. What
 * reaches the medium is also written to the drive. */
bool cache_step(struct cache *c, const struct journal *j, uint32_t i);

struct image_limits {
	uint64_t whole;	 /* all choices, if there are not more than these */
	unsigned sample; /* else so many */
};

/* Calls FN for the choices at this moment, until it returns false. FN may overwrite CHOICE. */
void image_each(const struct cache *c, bool killed, const struct image_limits *limits,
		bool (*fn)(struct image_choice *choice, void *user), void *user);
/* Writes the image to the drive, which holds the medium of C. Returns the hash of the image. */
uint64_t image_make(const struct cache *c, const struct image_choice *choice);
/* Returns how many writes (of several sectors each) CHOICE tears: some sectors new, some old. */
unsigned image_torn(const struct cache *c, const struct image_choice *choice);
/* Returns true if in CHOICE one device has lost all that it could lose, and another one nothing. */
bool image_split(const struct cache *c, const struct image_choice *choice);

#endif
