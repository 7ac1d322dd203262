/* SPDX-License-Identifier: Apache-2.0 */
/*
 * chunks.h - an array of chunks that grows, and in which nothing ever moves.
 *
 * The pointers to the chunks lie in levels: each level has room for twice as many as the one
 * before. Therefore growing copies nothing, and a thread that reads needs no lock: what it has
 * found stays where it is until the array is freed. One thread grows the array. It must publish the
 * number of a chunk by a release store, and readers must get it by an acquire load.
 */
#ifndef STORE_LOG_CHUNKS_H
#define STORE_LOG_CHUNKS_H

#include <stddef.h>
#include <stdint.h>

#define CHUNKS_FIRST_SHIFT 4u /* pointers in the first level, as a power of two */
#define CHUNKS_LEVELS 19u
#define CHUNKS_MAX ((1u << (CHUNKS_LEVELS + CHUNKS_FIRST_SHIFT)) - (1u << CHUNKS_FIRST_SHIFT))

struct chunks {
	void **level[CHUNKS_LEVELS]; /* each is set once, when its first chunk is added */
	uint32_t count;
};

/* Returns chunk number N, which has been added. */
static inline void *chunks_get(const struct chunks *c, uint32_t n)
{
	uint32_t at = n + (1u << CHUNKS_FIRST_SHIFT);
	uint32_t shift = 31 - (uint32_t)__builtin_clz(at);
	void **level = __atomic_load_n(&c->level[shift - CHUNKS_FIRST_SHIFT], __ATOMIC_RELAXED);

	return __atomic_load_n(&level[at ^ 1u << shift], __ATOMIC_RELAXED);
}

/* Adds a chunk of BYTES, filled with FILL, and adds the memory that was taken to *TAKEN. Returns 0
 * or -ENOMEM. */
int chunks_add(struct chunks *c, size_t bytes, int fill, uint64_t *taken);
void chunks_free(struct chunks *c);

#endif
