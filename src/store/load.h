/* SPDX-License-Identifier: Apache-2.0 */
/* load.h - what a store has done, as text, for `weir top` in another process. */
#ifndef STORE_LOAD_H
#define STORE_LOAD_H

#include <stddef.h>

#include <weir/store.h>

/* Writes the lines that docs/control.md describes to memory: *TEXT is the caller's, who frees it
 * with free(). Returns 0 or -errno with words. Any thread but in a callback. */
int load_text(struct weir_store *s, char **text, size_t *length);

#endif
