/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stream.h - the stream of records that `weir export` writes and `weir import` reads; its bytes are
 * in docs/export.md. The reader trusts no length before it has compared a checksum.
 */
#ifndef STREAM_H
#define STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <weir/tenant.h>

#define STREAM_HEAD_BYTES 64u /* at the start of the stream */
#define STREAM_RECORD_BYTES 48u

enum stream_type { STREAM_VALUE = 1, STREAM_END = 2, STREAM_TENANT = 3 };

/* A record, without its value. */
struct stream_record {
	uint32_t type; /* enum stream_type */
	uint32_t key_len, tenant_len;
	uint64_t value_len;	 /* END: the bytes of all values. TENANT: its share, in percent */
	uint64_t value_checksum; /* END: keys that could not be read, and are left out. TENANT: its
				  * stream in the store that was exported */
	uint64_t number;	 /* counts the values from 0, and the tenants; END: values */
	uint8_t key[WEIR_KEY_MAX];
	char tenant[WEIR_TENANT_SHOWN_MAX + 1]; /* ends with a NUL */
};

/* Returns the checksum of a value. */
uint64_t stream_checksum(const void *value, size_t length);

/* Write to OUT, which keeps the first error of a write for ferror(). */
void stream_write_head(FILE *out, const uint8_t uuid[16], uint64_t time_ns);
void stream_write_record(FILE *out, const struct stream_record *r);

/* A stream that is read. Its owner sets FILE. */
struct stream_in {
	FILE *file;
	uint64_t at; /* bytes that were read */
};

/* Read from IN. They return 0; -EBADMSG: the bytes are no such stream, or are damaged; -ENODATA:
 * the stream ends too early; or the error of the read. They set weir_error(). */
int stream_read_head(struct stream_in *in);
int stream_read_record(struct stream_in *in, struct stream_record *r);
/* Reads LENGTH bytes of a value to BUF; NULL: skips them. */
int stream_read_value(struct stream_in *in, void *buf, uint64_t length);

#endif
