/* SPDX-License-Identifier: Apache-2.0 */
/*
 * chunks.c - adds chunks to an array, and frees it. This file owns the chunks. One thread at a time
 * calls it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "store/log/chunks.h"

static int chunks_add_level(struct chunks *c, uint32_t level, uint64_t *taken)
{
	size_t bytes = (sizeof(void *) << CHUNKS_FIRST_SHIFT) << level;
	void **pointers = calloc(1, bytes);

	if (!pointers)
		return -ENOMEM;
	*taken += bytes;
	__atomic_store_n(&c->level[level], pointers, __ATOMIC_RELAXED);
	return 0;
}

int chunks_add(struct chunks *c, size_t bytes, int fill, uint64_t *taken)
{
	uint32_t at = c->count + (1u << CHUNKS_FIRST_SHIFT);
	uint32_t shift = 31 - (uint32_t)__builtin_clz(at), level = shift - CHUNKS_FIRST_SHIFT;
	void *chunk;

	if (c->count >= CHUNKS_MAX)
		return -ENOMEM;
	if (!c->level[level] && chunks_add_level(c, level, taken))
		return -ENOMEM;
	chunk = malloc(bytes);
	if (!chunk)
		return -ENOMEM;
	memset(chunk, fill, bytes);
	*taken += bytes;
	CHECK(!c->level[level][at ^ 1u << shift]);
	__atomic_store_n(&c->level[level][at ^ 1u << shift], chunk, __ATOMIC_RELAXED);
	c->count++;
	return 0;
}

void chunks_free(struct chunks *c)
{
	while (c->count)
		free(chunks_get(c, --c->count));
	for (uint32_t level = 0; level < CHUNKS_LEVELS; level++)
		free(c->level[level]);
	memset(c, 0, sizeof(*c));
}
