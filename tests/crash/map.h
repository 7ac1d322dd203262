/* SPDX-License-Identifier: Apache-2.0 */
/*
 * map.h - where the structures of an image are, and which keys each of them may cost.
 */
#ifndef CRASH_MAP_H
#define CRASH_MAP_H

#include "run.h"
#include "store/format/batch.h"

#define MAP_PLACES 512u
#define MAP_RECORDS 512u

enum place_kind {
	PLACE_SUPER,
	PLACE_HEADER,  /* of a segment in use */
	PLACE_FREE,    /* header of a free segment */
	PLACE_BATCH,   /* header of a batch */
	PLACE_PAYLOAD, /* a value */
	PLACE_FOOTER,  /* its first block */
	PLACE_TRAILER, /* the last block of a footer */
	PLACE_KINDS,
};

struct place {
	enum place_kind kind;
	uint32_t sector, sectors;
	uint32_t bytes; /* so many from the first on have a meaning */
	bool sealed;	/* the segment has a footer */
	uint64_t keys;	/* a bit for each key whose newest record needs this */
	uint64_t back;	/* ... that an earlier version of this header brings back */
};

struct map_record {
	uint64_t key, sequence;
	struct logpos at;
	bool tombstone;
	uint32_t header, batch, payload; /* places */
};

struct map {
	struct place place[MAP_PLACES];
	uint32_t count;
	struct map_record record[MAP_RECORDS];
	uint32_t records;
};

/* Makes the map of IMAGE, which holds the store of RUN; that is open, and has FOUND. */
void map_make(struct map *map, const struct run *run, const uint8_t *image,
	      const struct model_found found[MODEL_KEYS]);
/*
 * Notes which keys come back with the header that a segment has in STALE, an earlier version of
 * IMAGE, from which MAP was made: evicted ones. Nobody can tell such a header from a new one, and
 * nothing of a key that was evicted supersedes it.
 */
void map_stale(struct map *map, const struct run *run, const uint8_t *image, const uint8_t *stale,
	       const struct model_found found[MODEL_KEYS]);
const char *map_kind_name(enum place_kind kind);

#endif
