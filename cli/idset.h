/* SPDX-License-Identifier: Apache-2.0 */
/*
 * idset.h - a set of block ids that is filled and emptied all the time: to see which ids a request
 * names twice. Whoever made it owns it.
 */
#ifndef IDSET_H
#define IDSET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A slot holds an id if its stamp is the set's: emptying is a new stamp. */
struct idset {
	uint64_t *ids;
	uint32_t *stamps;
	size_t slots; /* a power of two, more than twice the ids */
	uint32_t stamp;
};

/* Makes an empty set for at most N ids. 0 or -ENOMEM. */
int idset_init(struct idset *set, size_t n);

/* Adds ID. Returns whether it was new. */
bool idset_add(struct idset *set, uint64_t id);

/* Makes SET empty. */
void idset_clear(struct idset *set);

/* Frees what SET holds. */
void idset_free(struct idset *set);

#endif
