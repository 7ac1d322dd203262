/* SPDX-License-Identifier: Apache-2.0 */
/*
 * footer.h - encodes and decodes the footer of a sealed segment.
 */
#ifndef FOOTER_H
#define FOOTER_H

#include <stdbool.h>
#include <stdint.h>

#include "store/format/checksum.h"
#include "store/format/layout.h"

struct footer {
	struct checksum_place place; /* of the footer's first block */
	uint32_t blocks;
	uint32_t count;
	uint32_t end;
};

/* One record in a footer, decoded. */
struct footer_entry {
	uint64_t hash[2];
	uint64_t sequence;
	uint64_t checksum;
	uint32_t length;
	uint32_t block;
	uint32_t batch;
	uint16_t flags;
	uint16_t key_len;
};

enum footer_state {
	FOOTER_VALID = 0,
	FOOTER_NONE,	/* there is no footer of this segment */
	FOOTER_DAMAGED, /* there is a footer of this segment, but it is not valid */
};

void footer_entry_encode(struct disk_entry *disk, const struct footer_entry *e);
void footer_entry_decode(struct footer_entry *e, const struct disk_entry *disk);
/* Makes the entry count as a tombstone from now on. The footer around it stays valid. */
void footer_entry_strike(struct disk_entry *disk);
bool footer_entry_struck(const struct disk_entry *disk);
/* Empties an entry of a footer to be: the record never was. Only the block of its payload stays. */
void footer_entry_drop(struct disk_entry *disk);

/* Finishes a footer of F->blocks blocks at BUF, whose entries are already there: adds trailer,
 * padding and checksum. */
void footer_seal(void *buf, const struct footer *f, const struct layout *l,
		 const struct checksum_key *key);

/* Reads the trailer in the last block of segment SEGMENT. FOOTER_VALID says only that its sizes are
 * possible; footer_check() checks the whole footer. */
enum footer_state footer_peek(struct footer *f, const void *last_block, uint32_t segment,
			      struct generation gen, const struct layout *l);

/* Checks a whole footer of F->blocks blocks with all its entries. */
bool footer_check(const struct footer *f, const void *buf, const struct layout *l,
		  const struct checksum_key *key);

#endif
