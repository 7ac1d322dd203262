/* SPDX-License-Identifier: Apache-2.0 */
/*
 * describe.h - describes stores as JSON, with the same members in every command. The caller owns
 * what is returned; NULL: out of memory.
 */
#ifndef DESCRIBE_H
#define DESCRIBE_H

#include <jansson.h>

#include <weir/store.h>

/* The size of a buffer for a UUID as text. */
#define DESCRIBE_UUID_MAX 37

/* Writes UUID to TEXT as "01234567-89ab-cdef-0123-456789abcdef" and returns TEXT. */
const char *describe_uuid(const uint8_t uuid[16], char text[DESCRIBE_UUID_MAX]);

/* Returns what a device of KIND is called: "block device". */
const char *describe_kind(enum weir_device_kind kind);

/* Returns a JSON object, of the schema named SCHEMA, that describes the store at PATH. */
json_t *describe_store(const char *schema, const char *path, const struct weir_store_info *info);

/* Returns a latency as JSON: count, and percentiles in ns. */
json_t *describe_latency(const struct weir_latency *l);

#endif
