/* SPDX-License-Identifier: Apache-2.0 */
/*
 * idset.h - a set of block ids that is filled and emptied very often. It finds ids that one
 * request names twice. The creator of a set owns it.
 */
#ifndef IDSET_H
#define IDSET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The set of ids. A slot holds an id if the slot's stamp equals the set's; a new stamp therefore
 * empties the set.
 */
struct idset {
	uint64_t *ids;
	uint32_t *stamps;
	size_t slots; /* the number of slots: a power of two, more than twice the number of ids */
	uint32_t stamp;
};

/* Makes an empty set for at most N ids. Returns 0 or -ENOMEM. */
int idset_init(struct idset *set, size_t n);

/* Adds ID. Returns true if the set did not contain it. */
bool idset_add(struct idset *set, uint64_t id);

/* Makes SET empty. */
void idset_clear(struct idset *set);

/* Frees what SET holds. */
void idset_free(struct idset *set);

#endif
