/* SPDX-License-Identifier: Apache-2.0 */
/* set.c - see set.h. A slot of 0 is free. */
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "set.h"

static bool set_insert(struct set *set, uint64_t hash)
{
	uint64_t i = hash & (set->size - 1);

	for (; set->slots[i]; i = (i + 1) & (set->size - 1))
		if (set->slots[i] == hash)
			return false;
	set->slots[i] = hash;
	return true;
}

static void set_grow(struct set *set)
{
	struct set old = *set;

	set->size = old.size ? 2 * old.size : 4096;
	set->slots = calloc(set->size, sizeof(*set->slots));
	CHECK(set->slots);
	for (uint64_t i = 0; i < old.size; i++)
		if (old.slots[i])
			set_insert(set, old.slots[i]);
	free(old.slots);
}

bool set_add(struct set *set, uint64_t hash)
{
	if (2 * set->count >= set->size)
		set_grow(set);
	hash += !hash;
	if (!set_insert(set, hash))
		return false;
	set->count++;
	return true;
}

void set_free(struct set *set)
{
	free(set->slots);
	memset(set, 0, sizeof(*set));
}
