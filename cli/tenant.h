/* SPDX-License-Identifier: Apache-2.0 */
/* tenant.h - tenants and streams on the command line: who puts, and the contents of each stream. */
#ifndef CLI_TENANT_H
#define CLI_TENANT_H

#include <jansson.h>
#include <stdio.h>

#include <weir/tenant.h>

#include "cli/source.h"

/*
 * Sets *STREAM to the stream for new keys of tenant NAME (NULL: no tenant) in S, which was opened
 * from PATH. If the tenant is new and shares its stream, a note says so once, on standard error.
 * Returns 0, or an exit code after the error was printed.
 */
int tenant_stream(struct weir_store *s, const char *path, const char *name, uint32_t *stream);

/* Prints the contents of each stream of SRC as a table on OUT. Returns 0 or -errno. */
int tenant_print(struct source *src, FILE *out);

/* Returns the same as a JSON array, which the caller owns; NULL: weir_error() says why. */
json_t *tenant_json(struct source *src);

#endif
