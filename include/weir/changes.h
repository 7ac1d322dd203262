/* SPDX-License-Identifier: Apache-2.0 */
/*
 * weir/changes.h - a list of the keys that left a store, for programs that cannot be called back.
 *
 * weir_store_opts.changed is called on a thread of the library, where no interpreter can run. These
 * functions put a list there, which notes each change; the program takes them when it has time.
 *
 * Threads
 *   Any thread may take, at the same time as others; each change is taken once.
 */
#ifndef WEIR_CHANGES_H
#define WEIR_CHANGES_H

#include <stddef.h>
#include <stdint.h>

#include <weir/store.h>

#ifdef __cplusplus
extern "C" {
#endif

struct weir_changes;

/* That a key left the store. The store has no whole keys in memory: a program that wants the key
 * keeps a table by hash. */
struct weir_changes_note {
	uint64_t hash[2]; /* identity of the key, see weir_store_hash() */
	uint32_t reason;  /* enum weir_leave */
	uint32_t reserved;
};

/*
 * Makes a list *C of at most MAX changes that were not taken (0: 65,536, 24 bytes each; they take
 * memory only when they are used), and sets `changed` and `changed_user` of OPTS: the store that is
 * opened with OPTS fills the list. The list must live until that store was closed. Errors: -EINVAL
 * (OPTS is NULL, or has `changed` already), -ENOMEM. Any thread.
 */
int weir_changes_open(struct weir_changes **c, struct weir_store_opts *opts, uint32_t max);

/*
 * Takes at most N changes, the oldest first, and sets *LOST (may be NULL) to the number of changes
 * that had no room since the last call: then the program must ask the store which of its keys are
 * there. Returns the number that it took. A key may be there again when its change is taken. In a
 * child of fork() there are none. Never blocks for long; any thread, callbacks included.
 */
size_t weir_changes_take(struct weir_changes *c, struct weir_changes_note *notes, size_t n,
			 uint64_t *lost);

/* Frees C, whose store was closed. NULL is allowed. Any thread. */
void weir_changes_close(struct weir_changes *c);

#ifdef __cplusplus
}
#endif
#endif
