/* SPDX-License-Identifier: Apache-2.0 */
/*
 * weir/pin.h - pins and leases: they keep entries of a store from eviction.
 *
 * A pin holds a key until it is taken back. A lease holds it for the short time between the
 * question whether it is there and the get: at most 5 seconds, and until a get of the key. Both
 * hold the key, whatever its value: a put replaces the value and is held too. A delete deletes the
 * entry, and with it ends all pins and leases of its key, unless it has WEIR_DELETE_UNHELD. They
 * live in memory: when the store is closed they are gone. Reclaim writes a held entry again, so
 * each costs a write of its value each time that its segment is the oldest.
 *
 * All leases together hold at most a quarter of the store's capacity, counted in whole blocks of
 * values, also where a put replaces a leased value by a longer one. Beyond that the oldest leases
 * are taken back, and their entries may be evicted. Pins have no limit: a put fails with -ENOSPC
 * when pins and open segments hold everything.
 */
#ifndef WEIR_PIN_H
#define WEIR_PIN_H

#include <stddef.h>
#include <stdint.h>

#include <weir/store.h>

#ifdef __cplusplus
extern "C" {
#endif

#define WEIR_LEASE_MAX_NS 5000000000ull /* the longest lease */

/* Flags of deletes; they lie beside enum weir_put_flags. */
enum weir_delete_flags {
	/* An entry that a pin or a lease holds stays, and the delete ends with -EBUSY. One that
	 * comes when the delete is already being written ends with the entry. */
	WEIR_DELETE_UNHELD = 1 << 3,
};

/*
 * Holds KEY until weir_store_unpin() was called as often as this.
 * Errors: -EINVAL, -ENOENT (it is not there, or is being evicted right now), -ENOMEM, -EAGAIN (as
 * weir_store_exists_many()). Any thread, callbacks included; it blocks only for the time that other
 * threads spend in these calls.
 */
int weir_store_pin(struct weir_store *s, const void *key, uint32_t key_len);

/*
 * Takes one pin of KEY back. Errors: -EINVAL, -ENOENT (it has no pin; a delete ends them). As
 * weir_store_pin() otherwise.
 */
int weir_store_unpin(struct weir_store *s, const void *key, uint32_t key_len);

/*
 * Says which of the N KEYS are there, as weir_store_exists_many(), and leases those at the same
 * moment: no entry is evicted between the answer and the lease. A lease ends at the first of: the
 * next get of its key, unless that has WEIR_GET_KEEP_LEASE; UNTIL_NS of CLOCK_MONOTONIC (0: as late
 * as possible); 5 seconds; weir_store_unlease(); when it is taken back. A key that several calls
 * leased is held until as many gets, or the latest of their times. If the keys of one call exceed
 * the quarter of the store, the rest of them is not leased; their lengths are told all the same. A
 * key that is being evicted counts as one that is not there.
 * Errors: -EINVAL (weir_error() says which key), -ENOMEM, -EAGAIN: the keys that were leased before
 * the error stay leased. As weir_store_pin() otherwise.
 */
int weir_store_lease(struct weir_store *s, const struct weir_store_key *keys, size_t n,
		     uint64_t until_ns, uint64_t *lengths, size_t *leading);

/*
 * Ends one lease of each of the N KEYS; a key that has none is skipped. Errors: -EINVAL. As
 * weir_store_pin() otherwise.
 */
int weir_store_unlease(struct weir_store *s, const struct weir_store_key *keys, size_t n);

/* What pins and leases hold. Start from WEIR_STORE_HELD_INIT. */
struct weir_store_held {
	size_t size;
	uint64_t pinned;	    /* keys with a pin */
	uint64_t leased;	    /* keys with a lease; those whose time is over may be counted */
	uint64_t leased_bytes;	    /* that their values take, in whole blocks */
	uint64_t leased_bytes_max;  /* a quarter of the store's capacity */
	uint64_t leases_taken_back; /* since the store was opened, because there were too many */
};

#define WEIR_STORE_HELD_INIT WEIR_INIT_SIZED(struct weir_store_held)

/* Fills in HELD. As weir_store_pin() otherwise. */
int weir_store_get_held(struct weir_store *s, struct weir_store_held *held);

#ifdef __cplusplus
}
#endif
#endif
