/* SPDX-License-Identifier: Apache-2.0 */
/*
 * answer.h - other processes look at a store that this one has open for writing.
 */
#ifndef STORE_ANSWER_H
#define STORE_ANSWER_H

#include "store/store.h"

/*
 * Begins to answer on the control socket of S, as OPTS say. Returns 0 also if no socket can be
 * made, unless OPTS insist on one. The opening thread calls it last.
 */
int answer_start(struct weir_store *s, const struct weir_store_opts *opts);

/* Ends that. No other thread is inside a call of S any more when it returns. The thread that closes
 * S calls it; if it owns the loop, it runs the loop until then. */
void answer_stop(struct weir_store *s);

/* Closes the descriptors in a child of fork(). */
void answer_leave(struct weir_store *s);

#endif
