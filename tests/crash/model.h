/* SPDX-License-Identifier: Apache-2.0 */
/*
 * model.h - what the store promised: the versions that each key had, and when each of them was
 * submitted and acknowledged. Times are numbers of events in the journal.
 */
#ifndef CRASH_MODEL_H
#define CRASH_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <weir/weir.h>

#define MODEL_KEYS 28u
#define MODEL_SMALL 6u /* the keys below this one have short values, the others long ones */
#define MODEL_VERSIONS 64u
#define MODEL_SYNCS 64u
#define MODEL_NEVER UINT32_MAX
#define MODEL_VALUE_MAX 30000u

struct model_version {
	uint64_t hash; /* XXH3_64 of the value; 0: the key is not there */
	uint64_t number;
	uint32_t length;
	uint32_t submitted, acked;
	bool durable; /* it was acknowledged as durable */
};

struct model_key {
	struct model_version version[MODEL_VERSIONS];
	uint32_t count;
};

struct model {
	struct model_key key[MODEL_KEYS];
	uint8_t device[MODEL_KEYS]; /* where each key lives */
	uint64_t number;	    /* the last value that was made */
	/* Successful syncs: what was acknowledged when each was submitted is durable after it. */
	uint32_t syncs;
	struct {
		uint32_t submitted, acked;
	} sync[MODEL_SYNCS];
};

/* What a store has under one key. */
struct model_found {
	uint64_t hash; /* 0: a miss */
	uint64_t sequence;
	uint32_t length;
	uint32_t stream;
};

/* Returns what stands for a value of LENGTH bytes. */
uint64_t model_hash(const void *value, size_t length);
/* Forgets all but FOUND, which is on the medium. */
void model_restart(struct model *m, const struct model_found found[MODEL_KEYS]);
/* Makes the next value of a key. Returns its version. A long value has LENGTH bytes. */
struct model_version *model_put(struct model *m, uint32_t key, void *value, uint32_t length,
				uint32_t now);
/* Notes a delete, or an eviction (which nobody acknowledges). */
struct model_version *model_gone(struct model *m, uint32_t key, uint32_t now);
/* Returns NULL if KEY may have FOUND after a crash behind the first POINT events, of which those
 * before FLUSHED were flushed on its device; else what is wrong. */
const char *model_check(const struct model *m, uint32_t key, const struct model_found *found,
			uint32_t point, uint32_t flushed, bool killed);
/* Returns a number that stands for all that model_check() would say at this point. FLUSHED has what
 * is flushed on each device. */
uint64_t model_promise(const struct model *m, uint32_t point, const uint32_t *flushed, bool killed);
/* Returns true if KEY was there when it was last acknowledged, and nothing came since. */
bool model_is_there(const struct model *m, uint32_t key);

#endif
