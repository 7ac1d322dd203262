/* SPDX-License-Identifier: Apache-2.0 */
/*
 * strikes.h - the strikes in the header of a segment: records in it that do not count.
 *
 * A recovery drops a record whose payload is wrong, or strikes one that has lost a conflict, by
 * writing the footer. If the footer cannot be written, they are listed behind the header instead,
 * in the same sector, so that no later life takes them for good.
 */
#ifndef STORE_FORMAT_STRIKES_H
#define STORE_FORMAT_STRIKES_H

#include <stdbool.h>
#include <stdint.h>

#include "store/format/checksum.h"
#include "store/format/footer.h"

enum strikes_state {
	STRIKES_NONE,
	STRIKES_VALID,
	STRIKES_DAMAGED,
};

enum strike_kind {
	STRIKE_NOT = 0,
	STRIKE_DROPPED = 1, /* its payload was wrong: it never was */
	STRIKE_STRUCK = 2,  /* it has lost a conflict: it counts as a tombstone */
};

/* The records whose payloads begin in blocks FROM to TO. */
struct strike {
	uint32_t from, to;
	enum strike_kind kind;
};

struct strikes {
	uint32_t count;
	struct strike list[DISK_STRIKES];
};

/* Reads the strikes in the first block of SEGMENT, whose header is valid and has GEN. */
enum strikes_state strikes_decode(struct strikes *s, const void *block, uint32_t segment,
				  struct generation gen, const struct checksum_key *key);
/* Writes S behind the header in the first block of SEGMENT. */
void strikes_encode(void *block, const struct strikes *s, uint32_t segment, struct generation gen,
		    const struct checksum_key *key);

/* Tells what S says about the record whose payload begins at BLOCK. S may be NULL. */
enum strike_kind strikes_find(const struct strikes *s, uint32_t block);
/* Adds the records among COUNT ENTRIES, in log order, that are dropped or struck. Returns false if
 * there is no room. */
bool strikes_add(struct strikes *s, const struct disk_entry *entries, uint32_t count);
/* Strikes among COUNT ENTRIES what S lists, and drops it if these were WALKED: a footer has left
 * out what was dropped. S may be NULL. */
void strikes_apply(const struct strikes *s, struct disk_entry *entries, uint32_t count,
		   bool walked);

#endif
