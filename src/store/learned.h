/* SPDX-License-Identifier: Apache-2.0 */
/*
 * learned.h - what the scheduler of a store has learned of its device, from one open to the next.
 * See learned.c.
 */
#ifndef STORE_LEARNED_H
#define STORE_LEARNED_H

#include "store/store.h"

/* The queue of S, whose superblock was read, begins with what was learned when the store was open
 * last. Nothing happens unless OPTS and the scheduler allow it. The opening thread. */
void learned_begin(struct weir_store *s, const struct weir_store_opts *opts);

/* Keeps what the scheduler of S knows now, if learned_begin() found that it is to be kept. The
 * closing thread, when the loop has finished with S. */
void learned_end(struct weir_store *s);

#endif
