/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exists.c - says which keys are there, on the calling thread.
 *
 * The index is read without the loop (log/index_read.c), so nothing is handed over and nobody
 * waits. Keys are looked up in groups, whose memory is fetched at the same time. This file owns
 * nothing; any thread, callbacks included.
 */
#include <errno.h>

#include "base/error.h"
#include "store/parts.h"

#define EXISTS_GROUP 16u

int exists_check_keys(const struct weir_store_key *keys, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!keys[i].key || !keys[i].key_len || keys[i].key_len > WEIR_KEY_MAX)
			return error_set(-EINVAL, "key %zu of %zu has %u bytes: keys have 1 to %u",
					 i + 1, n, keys[i].key_len, WEIR_KEY_MAX);
	return 0;
}

int exists_try_again(void)
{
	return error_set(-EAGAIN,
			 "the store's loop was interrupted while it changed the index, and "
			 "does not run: try again");
}

/* Returns why KEY is not there: an enum weir_leave or 0. */
static uint32_t exists_reason(struct weir_store *s, const struct weir_store_key *key)
{
	const struct weir_store *part;
	uint64_t hash[2];

	checksum_identity(&s->io.key, key->key, key->key_len, hash);
	part = parts_of_hash(s, hash);
	return part ? logs_reason(part->logs, hash) : 0;
}

void exists_count(struct weir_store *s, const struct weir_store_key *keys, size_t n,
		  const uint64_t *lengths)
{
	uint64_t misses = 0;
	size_t first = n;

	for (size_t i = n; i-- > 0;)
		if (!lengths[i]) {
			misses++;
			first = i;
		}
	/* What comes behind the first gap is of no use to a cache, whatever the reason. */
	tally_lookup(&s->io.tally, n - misses, misses, misses ? exists_reason(s, &keys[first]) : 0);
}

/* The state of a call. */
struct exists {
	struct weir_store *s;
	size_t leading; /* keys from the first on that are there */
	bool gap;	/* one is not */
};

static int exists_one(struct exists *x, const uint64_t hash[2], uint64_t *length)
{
	const struct weir_store *part = parts_of_hash(x->s, hash);
	struct index_value value;
	int found = part ? logs_peek(part->logs, hash, &value) : 0;

	*length = found > 0 ? value.length : 0;
	if (found < 0)
		return exists_try_again();
	x->gap = x->gap || !found;
	if (x->gap)
		return 0;
	/* Only these count as reads: a cache uses what comes before the first gap. */
	logs_touch(part->logs, hash, &value);
	x->leading++;
	return 0;
}

static int exists_group(struct exists *x, const struct weir_store_key *keys, size_t n,
			uint64_t *lengths)
{
	uint64_t hash[EXISTS_GROUP][2];
	size_t i;
	int err = 0;

	for (i = 0; i < n; i++)
		checksum_identity(&x->s->io.key, keys[i].key, keys[i].key_len, hash[i]);
	if (n > 1 && !x->s->parts)
		logs_prefetch(x->s->logs, hash, n);
	for (i = 0; i < n && !err; i++)
		err = exists_one(x, hash[i], &lengths[i]);
	return err;
}

int weir_store_exists_many(struct weir_store *s, const struct weir_store_key *keys, size_t n,
			   uint64_t *lengths, size_t *leading)
{
	struct exists x = { .s = s };
	int err = store_check_process(s);
	size_t at;

	if (!err)
		err = exists_check_keys(keys, n);
	for (at = 0; at < n && !err; at += EXISTS_GROUP)
		err = exists_group(&x, keys + at, n - at < EXISTS_GROUP ? n - at : EXISTS_GROUP,
				   lengths + at);
	if (!err)
		exists_count(s, keys, n, lengths);
	if (!err && leading)
		*leading = x.leading;
	return err;
}

int weir_store_exists(struct weir_store *s, const void *key, uint32_t key_len, size_t *len)
{
	struct weir_store_key one = { .key = key, .key_len = key_len };
	uint64_t length;
	int err;

	if (!parts_route(s, key, key_len))
		return -ENODEV;
	err = weir_store_exists_many(s, &one, 1, &length, NULL);

	if (err)
		return err;
	if (!length)
		return error_set(-ENOENT, "exists: no such key");
	if (len)
		*len = length;
	return 0;
}
