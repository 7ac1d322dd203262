/* SPDX-License-Identifier: Apache-2.0 */
/*
 * open.h - the steps of opening a store on one device, and the end of its memory.
 *
 * A step returns 0 or -errno with words. After an error the store must be released.
 */
#ifndef STORE_OPEN_H
#define STORE_OPEN_H

#include "store/store.h"

/* Takes memory for a store. */
int store_new(struct weir_store **s, const struct weir_store_opts *opts);
/* Opens PATH and a queue on it, which belong to S. */
int store_open_own(struct weir_store *s, const char *path, const struct weir_store_opts *opts);
/* Takes Q, which belongs to the caller. */
int store_open_queue(struct weir_store *s, struct weir_queue *q,
		     const struct weir_store_opts *opts);
/* Reads the superblock, and makes what the store has in memory. Nothing is written. */
int store_load(struct weir_store *s, const struct weir_store_opts *opts,
	       struct superio_found *supers);
/* Begins to recover what the device holds; recover_finish() or recover_drop() follows. Nothing is
 * written. */
int store_recover_begin(struct weir_store *s, const struct weir_store_opts *opts,
			const struct superio_found *supers, struct recover **recovery);

/* Gives up the loop, closes what the store owns, and frees the store. The loop must have finished
 * with it. */
void store_release(struct weir_store *s);

/* Frees S and its memory, nothing else. */
void store_free(struct weir_store *s);

#endif
