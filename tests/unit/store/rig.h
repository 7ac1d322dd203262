/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rig.h - what the store's tests share: an image in a file, a store on it, and values that show
 * their key and version. The test that made a rig owns it.
 */
#ifndef STORE_RIG_H
#define STORE_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <weir/weir.h>

/* The sanitizers are slow, so of steps that are repeated only every Nth runs with them, and in a
 * build with WEIR_FEWER_ROUNDS, which runs what another build runs in full. */
#if defined(__SANITIZE_THREAD__)
#define RIG_EVERY 12u
#elif defined(__SANITIZE_ADDRESS__) || defined(WEIR_FEWER_ROUNDS)
#define RIG_EVERY 8u
#else
#define RIG_EVERY 1u
#endif

struct rig {
	char path[256];
	const char *engine;
	uint32_t attach;
	uint32_t policy;	/* enum weir_policy, for each open */
	uint64_t max_put_bytes; /* of a store on a drive in memory */
	uint64_t share_bytes_max;
	uint32_t free_low, free_high; /* the marks in percent, of a store on a drive in memory */
	struct weir_store *s;
	/* They are set if the store is open on a drive in memory (memdisk.h). */
	struct weir_queue *queue;
	struct weir_device *device;
};

/* Makes a formatted image of BYTES; the store is not open. */
void rig_make(struct rig *rig, uint64_t bytes, uint64_t segment_bytes, uint32_t block_bytes);
/* Closes what is open and removes the image. */
void rig_remove(struct rig *rig);
/* Opens the store; fails the test if that does not work. */
void rig_open(struct rig *rig);
/* Opens the store, and returns the result. */
int rig_try_open(struct rig *rig, uint32_t read_only);
void rig_close(struct rig *rig);
/* Returns true if ENGINE works here. */
int rig_has(const char *engine);

/* Fills VALUE from KEY and VERSION, so that any other bytes are noticed. */
void rig_value(uint64_t key, uint64_t version, void *value, size_t length);

/* The helpers of these tests take the stream of a put together with its flags, in bits 8 and up. */
#define RIG_STREAM(stream) ((uint32_t)(stream) << 8)
/* Return a put of the LENGTH bytes VALUE, and a get into BUF, which has room for as many. KEY must
 * stay where it is until they have ended. */
struct weir_store_op rig_put_op(const uint64_t *key, const void *value, size_t length);
struct weir_store_op rig_get_op(const uint64_t *key, void *buf, size_t length);
/* Submits N puts of the LENGTH bytes VALUE under the keys 0 to N - 1, in OPS and IDS. */
void rig_submit_puts(struct weir_store *s, struct weir_store_op *ops, uint64_t *ids, size_t n,
		     const void *value, size_t length);
/* As weir_store_put(), with RIG_STREAM() in FLAGS. */
int rig_put_flags(struct weir_store *s, const uint64_t *key, const void *value, size_t length,
		  uint32_t flags);
/* Puts version VERSION of key number KEY; FLAGS may contain RIG_STREAM(). */
int rig_put(struct rig *rig, uint64_t key, uint64_t version, size_t length, uint32_t flags);
/* Gets key number KEY. Returns 1 if it has VERSION and LENGTH, 0 if it has not, or -errno. */
int rig_get(struct rig *rig, uint64_t key, uint64_t version, size_t length);
/* Returns the version of key number KEY, 1 to LAST; 0: it is not there. Fails the test if its value
 * has other bytes, or cannot be read. */
uint64_t rig_version(struct rig *rig, uint64_t key, uint64_t last, size_t length);
int rig_delete(struct rig *rig, uint64_t key, uint32_t flags);
/* Has the loop hold key number KEY, as a pin does. */
int rig_hold(struct rig *rig, uint64_t key);

/* These read or change the image of a closed store. */
void rig_peek(struct rig *rig, uint64_t offset, void *buf, size_t length);
void rig_poke(struct rig *rig, uint64_t offset, const void *buf, size_t length);
/* Inverts one byte. */
void rig_damage(struct rig *rig, uint64_t offset);
/* Finds MAGIC (8 bytes) at a multiple of STEP from FROM on; UINT64_MAX: it is nowhere. */
uint64_t rig_find(struct rig *rig, const char *magic, uint64_t from, uint64_t step);

/* Fails the test unless each segment and log counts right what the index finds in it. */
void rig_check_counts(struct weir_store *s);

/* Gets the statistics of the store. */
void rig_stats(struct rig *rig, struct weir_store_stats *stats);

/* Returns numbers that are the same in every run. */
uint64_t rig_random(uint64_t *state);

#endif
