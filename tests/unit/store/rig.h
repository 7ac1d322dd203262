/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rig.h - what the store's tests share: an image in a file, a store on it, values that tell who
 * they are. The test that made a rig owns it.
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

struct rig {
	char path[256];
	const char *engine;
	uint32_t attach;
	struct weir_store *s;
};

/* A formatted image of BYTES; the store is not open. */
void rig_make(struct rig *rig, uint64_t bytes, uint64_t segment_bytes, uint32_t block_bytes);
/* Closes what is open and removes the image. */
void rig_remove(struct rig *rig);
/* Opens the store; fails the test if that does not work. */
void rig_open(struct rig *rig);
/* Opens it, and returns what came of it. */
int rig_try_open(struct rig *rig, uint32_t read_only);
void rig_close(struct rig *rig);
/* Can ENGINE run here? */
int rig_has(const char *engine);

/* Fills VALUE from KEY and VERSION, so that any other bytes are seen. */
void rig_value(uint64_t key, uint64_t version, void *value, size_t length);

/* Puts, gets and checks version VERSION of key number KEY. */
/* The helpers of these tests take the stream of a put beside its flags, in bits 8 and up. */
#define RIG_STREAM(stream) ((uint32_t)(stream) << 8)
/* As weir_store_put(), with RIG_STREAM() in FLAGS. */
int rig_put_flags(struct weir_store *s, const uint64_t *key, const void *value, size_t length,
		  uint32_t flags);
int rig_put(struct rig *rig, uint64_t key, uint64_t version, size_t length, uint32_t flags);
/* Gets key number KEY; 1 if it has VERSION and LENGTH, 0 if it is another, or -errno. */
int rig_get(struct rig *rig, uint64_t key, uint64_t version, size_t length);
int rig_delete(struct rig *rig, uint64_t key, uint32_t flags);

/* Reads or changes the image beneath a closed store. */
void rig_peek(struct rig *rig, uint64_t offset, void *buf, size_t length);
void rig_poke(struct rig *rig, uint64_t offset, const void *buf, size_t length);
/* Inverts one byte. */
void rig_damage(struct rig *rig, uint64_t offset);
/* Finds MAGIC (8 bytes) at a multiple of STEP from FROM on; UINT64_MAX: nowhere. */
uint64_t rig_find(struct rig *rig, const char *magic, uint64_t from, uint64_t step);

/* The store's statistics. */
void rig_stats(struct rig *rig, struct weir_store_stats *stats);

/* Numbers that are the same in every run. */
uint64_t rig_random(uint64_t *state);

#endif
