/* SPDX-License-Identifier: Apache-2.0 */
/* devices.h - the devices of a store on the command line: their names, and how each of them is. */
#ifndef CLI_DEVICES_H
#define CLI_DEVICES_H

#include <jansson.h>
#include <stdio.h>

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

/* Prints a table of the devices of S on OUT. Returns 0 or -errno. */
int devices_print(struct weir_store *s, FILE *out);

/* Returns the same as a JSON array, which the caller owns; NULL: weir_error() says why. */
json_t *devices_json(struct weir_store *s);

#endif
