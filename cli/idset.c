/* SPDX-License-Identifier: Apache-2.0 */
/* idset.c - a set of block ids: a hash table with open addressing. One thread uses a set. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "cli/idset.h"
#include "base/prng.h"

int idset_init(struct idset *set, size_t n)
{
	set->stamp = 1;
	for (set->slots = 16; set->slots <= 2 * n;)
		set->slots *= 2;
	set->ids = calloc(set->slots, sizeof(*set->ids));
	set->stamps = calloc(set->slots, sizeof(*set->stamps));
	if (set->ids && set->stamps)
		return 0;
	idset_free(set);
	return error_set(-ENOMEM, "out of memory for a set of %zu ids", n);
}

bool idset_add(struct idset *set, uint64_t id)
{
	size_t at = prng_mix(id) & (set->slots - 1);

	while (set->stamps[at] == set->stamp) {
		if (set->ids[at] == id)
			return false;
		at = (at + 1) & (set->slots - 1);
	}
	set->stamps[at] = set->stamp;
	set->ids[at] = id;
	return true;
}

void idset_clear(struct idset *set)
{
	if (++set->stamp)
		return;
	/* the stamp overflowed: old stamps in the slots could match again */
	memset(set->stamps, 0, set->slots * sizeof(*set->stamps));
	set->stamp = 1;
}

void idset_free(struct idset *set)
{
	free(set->ids);
	free(set->stamps);
	*set = (struct idset){ 0 };
}
