/* SPDX-License-Identifier: Apache-2.0 */
/*
 * open.h - the end of a store's memory.
 */
#ifndef STORE_OPEN_H
#define STORE_OPEN_H

#include "store/store.h"

/* Gives up the loop, closes what the store owns, and frees the store. The loop must have finished
 * with it. */
void store_release(struct weir_store *s);

/* Frees S and its memory, nothing else. */
void store_free(struct weir_store *s);

#endif
