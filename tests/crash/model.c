/* SPDX-License-Identifier: Apache-2.0 */
/* model.c - see model.h. It is the promise of weir/store.h in code, outside the store. */
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "drive.h"
#include "model.h"
#include "store/format/xxh.h"

uint64_t model_hash(const void *value, size_t length)
{
	return xxh_hash(value, length, 0);
}

void model_restart(struct model *m, const struct model_found found[MODEL_KEYS])
{
	for (uint32_t k = 0; k < MODEL_KEYS; k++) {
		m->key[k].count = 1;
		m->key[k].version[0] = (struct model_version){ .hash = found[k].hash,
							       .length = found[k].length,
							       .durable = true };
	}
	m->syncs = 0;
}

static struct model_version *model_add(struct model *m, uint32_t key, uint32_t now)
{
	struct model_key *k = &m->key[key];
	struct model_version *v = &k->version[k->count++];

	CHECK(k->count <= MODEL_VERSIONS);
	*v = (struct model_version){ .submitted = now, .acked = MODEL_NEVER };
	return v;
}

struct model_version *model_put(struct model *m, uint32_t key, void *value, uint32_t length,
				uint32_t now)
{
	struct model_version *v = model_add(m, key, now);
	uint64_t state = ++m->number * 1000 + key;
	uint8_t *to = value;

	v->number = m->number;
	v->length = length ? length : 1 + (uint32_t)(drive_random(&state) % 900);
	CHECK(v->length <= MODEL_VALUE_MAX);
	for (uint32_t n = 0; n < v->length; n += 8) {
		uint64_t word = drive_random(&state);

		memcpy(to + n, &word, v->length - n < 8 ? v->length - n : 8);
	}
	v->hash = model_hash(value, v->length);
	return v;
}

struct model_version *model_gone(struct model *m, uint32_t key, uint32_t now)
{
	return model_add(m, key, now);
}

/* Returns the time before which everything that was acknowledged is durable. */
static uint32_t model_synced(const struct model *m, uint32_t point, uint32_t flushed)
{
	for (uint32_t n = 0; n < m->syncs; n++)
		if (m->sync[n].acked <= point && m->sync[n].submitted > flushed)
			flushed = m->sync[n].submitted;
	return flushed;
}

/* Returns the oldest version that KEY may have. */
static uint32_t model_floor(const struct model *m, uint32_t key, uint32_t point, uint32_t synced,
			    bool killed)
{
	const struct model_key *k = &m->key[key];
	uint32_t floor = 0;

	for (uint32_t n = 1; n < k->count; n++) {
		const struct model_version *v = &k->version[n];

		if (v->acked <= point && (killed || v->durable || v->acked <= synced))
			floor = n;
	}
	return floor;
}

const char *model_check(const struct model *m, uint32_t key, const struct model_found *found,
			uint32_t point, uint32_t flushed, bool killed)
{
	const struct model_key *k = &m->key[key];
	uint32_t floor = model_floor(m, key, point, model_synced(m, point, flushed), killed), n;
	static char text[256];

	for (n = floor; n < k->count; n++)
		if (k->version[n].submitted <= point && k->version[n].hash == found->hash)
			return NULL;
	for (n = 0; n < k->count && k->version[n].hash != found->hash; n++)
		;
	snprintf(text, sizeof(text),
		 "key %u: found %s, but version %u of %u (%s) or a later one must be there", key,
		 !found->hash	? "nothing"
		 : n < k->count ? "another version"
				: "bytes that it never had",
		 floor, k->count, k->version[floor].hash ? "a value" : "nothing");
	return text;
}

uint64_t model_promise(const struct model *m, uint32_t point, const uint32_t *flushed, bool killed)
{
	uint64_t promise = 0;
	uint32_t n;

	for (uint32_t key = 0; key < MODEL_KEYS; key++) {
		const struct model_key *k = &m->key[key];
		uint32_t synced = model_synced(m, point, flushed[m->device[key]]);
		uint64_t words[3] = { key, model_floor(m, key, point, synced, killed), 0 };

		for (n = 0; n < k->count; n++)
			words[2] |= (uint64_t)(k->version[n].submitted <= point) << n;
		promise ^= xxh_hash(words, sizeof(words), m->number);
	}
	return promise;
}

bool model_is_there(const struct model *m, uint32_t key)
{
	const struct model_key *k = &m->key[key];
	const struct model_version *last = &k->version[k->count - 1];

	return last->hash && last->acked != MODEL_NEVER;
}
