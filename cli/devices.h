/* SPDX-License-Identifier: Apache-2.0 */
/* devices.h - the devices of a store on the command line: their names, and which are missing. */
#ifndef CLI_DEVICES_H
#define CLI_DEVICES_H

#include <weir/store.h>

/*
 * Calls FN for each device that TEXT names, with commas between them, as weir_store_open() reads
 * it. Stops when FN returns something else than 0. Returns what FN returned last.
 */
int devices_each(const char *text, int (*fn)(const char *path, void *user), void *user);

/*
 * Returns the N paths as one text, which the caller frees. Returns NULL and prints an error if
 * there is no memory, or if one of several has a comma, so that the text would not name it.
 */
char *devices_join(char *const *paths, int n);

/* Prints a note for each device that S, which was opened from PATH, goes without. */
void devices_notes(struct weir_store *s, const char *path);

#endif
