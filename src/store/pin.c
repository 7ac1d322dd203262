/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pin.c - pins and leases, on the calling thread. log/hold.c has the rules; any thread.
 */
#include <errno.h>

#include <weir/pin.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/opts.h"
#include "store/store.h"

#define PIN_GROUP 16u

/* Returns 0 and the identity of KEY, or the reason why there is none; sets weir_error(). */
static int pin_hash(const struct weir_store *s, const void *key, uint32_t key_len, uint64_t hash[2])
{
	const struct weir_store_key one = { .key = key, .key_len = key_len };
	int err = store_check_process(s);

	if (!err)
		err = exists_check_keys(&one, 1);
	if (!err)
		checksum_identity(&s->io.key, key, key_len, hash);
	return err;
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
	int err = pin_hash(s, key, key_len, hash);

	return err ? err : pin_words(logs_hold(s->logs, hash), "pin: no such key");
}

int weir_store_unpin(struct weir_store *s, const void *key, uint32_t key_len)
{
	uint64_t hash[2];
	int err = pin_hash(s, key, key_len, hash);

	return err ? err : pin_words(logs_let_go(s->logs, hash), "unpin: the key has no pin");
}

static void pin_hash_group(const struct weir_store *s, const struct weir_store_key *keys, size_t n,
			   uint64_t (*hash)[2])
{
	for (size_t i = 0; i < n; i++)
		checksum_identity(&s->io.key, keys[i].key, keys[i].key_len, hash[i]);
	logs_prefetch(s->logs, (const uint64_t(*)[2])hash, n);
}

int weir_store_lease(struct weir_store *s, const struct weir_store_key *keys, size_t n,
		     uint64_t until_ns, uint64_t *lengths, size_t *leading)
{
	struct lease_call call = { .now = clock_now() };
	uint64_t hash[PIN_GROUP][2];
	size_t at, count;
	int err = store_check_process(s);

	if (!err)
		err = exists_check_keys(keys, n);
	call.until = call.now + WEIR_LEASE_MAX_NS;
	if (until_ns && until_ns < call.until)
		call.until = until_ns;
	if (!err)
		logs_lease_begin(s->logs, &call);
	for (at = 0; at < n && !err; at += count) {
		count = n - at < PIN_GROUP ? n - at : PIN_GROUP;
		pin_hash_group(s, keys + at, count, hash);
		err = pin_words(
			logs_lease(s->logs, (const uint64_t(*)[2])hash, count, &call, lengths + at),
			"");
	}
	if (!err && leading)
		*leading = call.leading;
	return err;
}

int weir_store_unlease(struct weir_store *s, const struct weir_store_key *keys, size_t n)
{
	uint64_t hash[2];
	int err = store_check_process(s);

	if (!err)
		err = exists_check_keys(keys, n);
	for (size_t i = 0; i < n && !err; i++) {
		checksum_identity(&s->io.key, keys[i].key, keys[i].key_len, hash);
		logs_end_lease(s->logs, hash);
	}
	return err;
}

int weir_store_get_held(struct weir_store *s, struct weir_store_held *held)
{
	struct weir_store_held all = { .size = sizeof(all) };
	struct log_pins counts;
	int err = store_check_process(s);

	if (err)
		return err;
	logs_count_pins(s->logs, &counts);
	all.pinned = counts.pinned;
	all.leased = counts.leased;
	all.leased_bytes = counts.leased_bytes;
	all.leased_bytes_max = counts.leased_max;
	all.leases_taken_back = counts.taken_back;
	return opts_give(held, held->size, &all, sizeof(all));
}
