/* SPDX-License-Identifier: Apache-2.0 */
/*
 * open.h - a store comes and goes.
 */
#ifndef STORE_OPEN_H
#define STORE_OPEN_H

#include "store/store.h"

/* Gives up the loop, closes what the store owns, and frees it. The loop must be done with it. */
void store_release(struct weir_store *s);

/* Frees S and what it has in memory, nothing else. */
void store_free(struct weir_store *s);

#endif
