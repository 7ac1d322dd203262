/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tenant.h - tenants and streams on the command line: who puts, and what each stream holds.
 */
#ifndef CLI_TENANT_H
#define CLI_TENANT_H

#include <jansson.h>
#include <stdio.h>

#include <weir/tenant.h>

/*
 * *STREAM is where new keys of tenant NAME go in S, which was opened from PATH; NULL is nobody.
 * When a tenant is new, whom it shares with is said on standard error, once. 0 or an exit code,
 * with the error printed.
 */
int tenant_stream(struct weir_store *s, const char *path, const char *name, uint32_t *stream);

/* What each stream of S holds, as a table on OUT. 0 or -errno. */
int tenant_print(struct weir_store *s, FILE *out);

/* The same as a JSON array; NULL: weir_error() says why. The caller owns it. */
json_t *tenant_json(struct weir_store *s);

/* The value of --placement, NULL for none given, as an enum weir_placement. 0 or an exit code, with
 * the error printed. */
int tenant_placement(const char *name, uint32_t *placement);

#endif
