/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pin.c - pins and leases, on the calling thread. log/hold.c has the rules; any thread.
 */
#include <errno.h>

#include <weir/pin.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/opts.h"
#include "store/parts.h"

#define PIN_GROUP 16u

/* Returns 0 with the identity of KEY, and *S becomes the part that it belongs to; or the reason why
 * there is none, with words. */
static int pin_hash(struct weir_store **s, const void *key, uint32_t key_len, uint64_t hash[2])
{
	const struct weir_store_key one = { .key = key, .key_len = key_len };
	int err = store_check_process(*s);

	if (!err)
		err = exists_check_keys(&one, 1);
	if (err)
		return err;
	checksum_identity(&(*s)->io.key, key, key_len, hash);
	*s = parts_route(*s, key, key_len);
	return *s ? 0 : -ENODEV;
}

static int pin_words(int err, const char *missing)
{
	if (err == -EAGAIN)
		return exists_try_again();
	return err ? error_sys(err, "%s", err == -ENOENT ? missing : "cannot hold the key") : 0;
}

int weir_store_pin(struct weir_store *s, const void *key, uint32_t key_len)
{
	uint64_t hash[2];
	int err = pin_hash(&s, key, key_len, hash);

	return err ? err : pin_words(logs_hold(s->logs, hash), "pin: no such key");
}

int weir_store_unpin(struct weir_store *s, const void *key, uint32_t key_len)
{
	uint64_t hash[2];
	int err = pin_hash(&s, key, key_len, hash);

	return err ? err : pin_words(logs_let_go(s->logs, hash), "unpin: the key has no pin");
}

/* A call for a store on several devices is a call for each of its parts. */
struct pin_calls {
	struct lease_call call;
	uint64_t number[WEIR_DEVICES_MAX];
};

static void pin_begin(struct weir_store *s, struct pin_calls *calls)
{
	struct weir_store *part;
	uint32_t n;

	PARTS_FOREACH(s, part, n)
	{
		logs_lease_begin(part->logs, &calls->call);
		calls->number[n] = calls->call.number;
	}
}

/* Leases one key of a store on several devices. */
static int pin_lease_one(struct weir_store *s, const uint64_t (*hash)[2], struct pin_calls *calls,
			 uint64_t *length)
{
	struct weir_store *part = parts_of_hash(s, *hash);

	*length = 0;
	if (!part) {
		calls->call.gap = true;
		return 0;
	}
	calls->call.number = calls->number[part->io.super.device_index];
	return logs_lease(part->logs, hash, 1, &calls->call, length);
}

static int pin_lease_group(struct weir_store *s, const struct weir_store_key *keys, size_t n,
			   struct pin_calls *calls, uint64_t *lengths)
{
	uint64_t hash[PIN_GROUP][2];
	int err = 0;

	for (size_t i = 0; i < n; i++)
		checksum_identity(&s->io.key, keys[i].key, keys[i].key_len, hash[i]);
	if (!s->parts) {
		logs_prefetch(s->logs, (const uint64_t(*)[2])hash, n);
		return logs_lease(s->logs, (const uint64_t(*)[2])hash, n, &calls->call, lengths);
	}
	for (size_t i = 0; i < n && !err; i++)
		err = pin_lease_one(s, (const uint64_t(*)[2]) & hash[i], calls, &lengths[i]);
	return err;
}

int weir_store_lease(struct weir_store *s, const struct weir_store_key *keys, size_t n,
		     uint64_t until_ns, uint64_t *lengths, size_t *leading)
{
	struct pin_calls calls = { .call = { .now = clock_now() } };
	size_t at, count;
	int err = store_check_process(s);

	if (!err)
		err = exists_check_keys(keys, n);
	calls.call.until = calls.call.now + WEIR_LEASE_MAX_NS;
	if (until_ns && until_ns < calls.call.until)
		calls.call.until = until_ns;
	if (!err)
		pin_begin(s, &calls);
	for (at = 0; at < n && !err; at += count) {
		count = n - at < PIN_GROUP ? n - at : PIN_GROUP;
		err = pin_words(pin_lease_group(s, keys + at, count, &calls, lengths + at), "");
	}
	if (!err)
		exists_count(s, keys, n, lengths);
	if (!err && leading)
		*leading = calls.call.leading;
	return err;
}

int weir_store_unlease(struct weir_store *s, const struct weir_store_key *keys, size_t n)
{
	uint64_t hash[2];
	int err = store_check_process(s);

	if (!err)
		err = exists_check_keys(keys, n);
	for (size_t i = 0; i < n && !err; i++) {
		struct weir_store *part;

		checksum_identity(&s->io.key, keys[i].key, keys[i].key_len, hash);
		part = parts_of_hash(s, hash);
		if (part)
			logs_end_lease(part->logs, hash);
	}
	return err;
}

int weir_store_get_held(struct weir_store *s, struct weir_store_held *held)
{
	struct weir_store_held all = { .size = sizeof(all) };
	struct log_pins counts;
	struct weir_store *part;
	uint32_t n;
	int err = store_check_process(s);

	if (err)
		return err;
	PARTS_FOREACH(s, part, n)
	{
		logs_count_pins(part->logs, &counts);
		all.pinned += counts.pinned;
		all.leased += counts.leased;
		all.leased_bytes += counts.leased_bytes;
		all.leased_bytes_max += counts.leased_max;
		all.leases_taken_back += counts.taken_back;
	}
	return opts_give(held, OPTS_SIZE(held), &all, sizeof(all));
}
