/* SPDX-License-Identifier: Apache-2.0 */
/*
 * shares.h - other processes use a store that this one has open: each has a session with a thread
 * of its own. Whoever made a table of sessions owns it.
 */
#ifndef STORE_SHARES_H
#define STORE_SHARES_H

#include <stdbool.h>

#include "control/server.h"
#include "store/store.h"

struct shares;

/* Makes an empty table of sessions that use S, whose clients may give MAX_MEMORY bytes each, as
 * weir_store_opts.share_bytes_max says it. NULL: no memory. */
struct shares *shares_make(struct weir_store *s, uint64_t max_memory);

/* Answers CONTROL_SHARE on CONN, and gives the connection to a new session. Returns what an answer
 * of control/server.h returns. */
int shares_begin(struct shares *h, struct control_conn *conn);

/* Ends all sessions: requests that have begun end, others are not begun. */
void shares_stop(struct shares *h);

/* Returns true if, after shares_stop(), no session calls the store any more, nor begins. H is a
 * struct shares. */
bool shares_are_quiet(const void *h);

/* Waits until the threads have ended, and frees H. */
void shares_free(struct shares *h);

/* Closes the descriptors of H in a child of fork(). The memory stays. */
void shares_leave(struct shares *h);

#endif
