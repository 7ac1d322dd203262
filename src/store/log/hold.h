/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hold.h - holds keys, so that reclaim does not evict their entries.
 *
 * A key that is held has a row in the table of pins, and its entry the flag INDEX_PINNED. Reclaim
 * asks hold_let_go() for each entry that would leave the store; after that nobody can take hold of
 * the entry. So a lease never promises an entry that is about to be evicted.
 */
#ifndef STORE_LOG_HOLD_H
#define STORE_LOG_HOLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "store/log/index.h"

struct logs;

/* These run on the loop. */

/* Returns true if a pin or a lease holds the entry of HASH. */
bool hold_has(struct logs *ls, const uint64_t hash[2]);

/* Returns true if nothing holds the entry of HASH; from now on nothing can, until it is written
 * again or hold_stay() is called. Returns false if reclaim must append it again. */
bool hold_let_go(struct logs *ls, const uint64_t hash[2]);
/* Notes that the entry of HASH stays, because its segment is not reclaimed. */
void hold_stay(struct logs *ls, const uint64_t hash[2]);
/* Notes that the value of HASH, which is held, was replaced by one of LENGTH bytes. If the leases
 * cover too much now, the oldest are taken back. */
void hold_resize(struct logs *ls, const uint64_t hash[2], uint32_t length);
/* Returns a number that is the same as before only if nothing that was held can have been let go.
 */
uint64_t hold_changes(struct logs *ls);
/* Ends all that holds HASH, whose entry must leave. */
void hold_break(struct logs *ls, const uint64_t hash[2]);
/* Ends all that holds HASH, whose entry had VALUE and was removed. */
void hold_forget(struct logs *ls, const uint64_t hash[2], const struct index_value *value);

#endif
