/* SPDX-License-Identifier: Apache-2.0 */
/*
 * live.h - which keys live in which stream, computed from records in log order: independent of the
 * index that recovery makes.
 */
#ifndef STORE_CHECK_LIVE_H
#define STORE_CHECK_LIVE_H

#include <stdbool.h>
#include <stdint.h>

#include "store/format/footer.h"

/* The newest record of a key in a stream; 32 bytes. */
struct live_key {
	uint64_t hash[2];
	uint64_t place; /* position of the payload << 1 | 1 if the record is a put; 0: free */
	uint32_t length;
	uint32_t stream;
};

struct live {
	struct live_key *keys; /* open addressing */
	uint64_t room, used;   /* room is a power of two, or 0 */
};

/* Notes a record of STREAM whose payload is at POSITION. A later one replaces an earlier one.
 * Returns 0 or -ENOMEM. */
int live_note(struct live *live, uint32_t stream, const struct footer_entry *e, uint64_t position);
/* Returns the key with HASH if it lives in STREAM, or NULL. */
const struct live_key *live_find(const struct live *live, uint32_t stream, const uint64_t hash[2]);
void live_free(struct live *live);

#endif
