/* SPDX-License-Identifier: Apache-2.0 */
/* device_table.h - how the devices of a store are, as a table and as JSON. */
#ifndef CLI_DEVICE_TABLE_H
#define CLI_DEVICE_TABLE_H

#include <jansson.h>
#include <stdio.h>

#include "cli/source.h"

/* Prints a table of the devices of SRC on OUT. Returns 0 or -errno. */
int device_table_print(struct source *src, FILE *out);

/* Returns the same as a JSON array, which the caller owns; NULL: weir_error() says why. */
json_t *device_table_json(struct source *src);

#endif
