/* SPDX-License-Identifier: Apache-2.0 */
/*
 * describe.h - facts about stores as JSON, in the same shape wherever they occur. What is returned
 * belongs to the caller; NULL: out of memory.
 */
#ifndef DESCRIBE_H
#define DESCRIBE_H

#include <jansson.h>

#include <weir/store.h>

/* Room for a UUID as text. */
#define DESCRIBE_UUID_MAX 37

/* "01234567-89ab-cdef-0123-456789abcdef": TEXT is filled and returned. */
const char *describe_uuid(const uint8_t uuid[16], char text[DESCRIBE_UUID_MAX]);

/* What the store at PATH is, as the object that SCHEMA names. */
json_t *describe_store(const char *schema, const char *path, const struct weir_store_info *info);

/* A latency: count and percentiles in ns. */
json_t *describe_latency(const struct weir_latency *l);

#endif
