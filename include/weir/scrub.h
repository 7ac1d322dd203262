/* SPDX-License-Identifier: Apache-2.0 */
/*
 * weir/scrub.h - scrubs: every value of a store is read and verified, so that damage is found
 * before somebody needs the value.
 *
 * weir_store_scrub() makes one pass; with weir_store_opts.scrub_bytes_per_second a thread of the
 * store makes one after another. Scrubs are counted in struct weir_store_stats.
 *
 * Puts, gets and deletes go first. While there are any, a scrub slows down to a quarter of its
 * rate, and to 4 MiB a second at most; it never stops, so a store that is always in use is scrubbed
 * too. With exists alone it does not slow down, as these read nothing from the device.
 */
#ifndef WEIR_SCRUB_H
#define WEIR_SCRUB_H

#include <stddef.h>
#include <stdint.h>

#include <weir/store.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Options of weir_store_scrub(). Start from WEIR_SCRUB_OPTS_INIT; 0 and NULL mean the default. */
struct weir_scrub_opts {
	size_t size;
	uint64_t bytes_per_second; /* at most; 0: as fast as it goes */
	/* It is called on the calling thread after each value, with the bytes of values so far and
	 * in all. May be NULL. */
	void (*progress)(void *user, uint64_t done_bytes, uint64_t total_bytes);
	void *user;
};

#define WEIR_SCRUB_OPTS_INIT WEIR_INIT_SIZED(struct weir_scrub_opts)

/* What a scrub did. Start from WEIR_SCRUB_RESULT_INIT. */
struct weir_scrub_result {
	size_t size;
	uint64_t values, bytes; /* that were read */
	uint64_t damaged;	/* of these: they did not verify, twice */
	uint64_t dropped;	/* of these: the entry was dropped */
	uint64_t read_errors;	/* values that could not be read, twice; their entries stay */
	/* Entries whose keys cannot be listed: their batch headers are damaged, or cannot be read.
	 * Their values were not read. */
	uint64_t hidden;
	uint64_t slowed; /* values after which it waited longer, because the store was in use */
};

#define WEIR_SCRUB_RESULT_INIT WEIR_INIT_SIZED(struct weir_scrub_result)

/*
 * Reads every value of S once, at low priority (WEIR_IO_BACKGROUND), and verifies it. An entry
 * whose value does not verify twice is dropped with a tombstone, so that no older version comes
 * back (WEIR_LEAVE_DAMAGED); a read-only store only counts it. An entry whose key cannot be listed
 * is only counted: weir_store_check() finds the place. OPTS may be NULL, and so may RESULT. Returns
 * 0 also if there was damage: RESULT says how much. Errors: those of weir_store_list(), but for
 * entries that cannot be listed. Any thread; blocks.
 */
int weir_store_scrub(struct weir_store *s, const struct weir_scrub_opts *opts,
		     struct weir_scrub_result *result);

#ifdef __cplusplus
}
#endif
#endif
