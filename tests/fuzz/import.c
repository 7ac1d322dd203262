/* SPDX-License-Identifier: Apache-2.0 */
/*
 * import.c - reads any bytes as a stream for `weir import`. If the first byte is odd, the checksums
 * of head and records are made right before, as far as lengths allow.
 */
#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/stream.h"
#include "fuzz.h"

/* Places in the stream (docs/export.md). */
#define IMPORT_CHECKSUM_HEAD 56u
#define IMPORT_CHECKSUM 40u
#define IMPORT_KEY_LEN 8u
#define IMPORT_TENANT_LEN 12u
#define IMPORT_VALUE_LEN 16u
#define IMPORT_VALUE_MOST 65536u

static uint64_t import_number(const uint8_t *at, size_t bytes)
{
	uint64_t n = 0;

	memcpy(&n, at, bytes);
	return le64toh(n);
}

static void import_store(uint8_t *at, uint64_t n)
{
	n = htole64(n);
	memcpy(at, &n, sizeof(n));
}

/* Makes the checksum of the record at AT right. Returns its length with its value, or 0. */
static size_t import_seal_record(uint8_t *at, size_t left)
{
	uint8_t all[STREAM_RECORD_BYTES + WEIR_TENANT_SHOWN_MAX + WEIR_KEY_MAX];
	uint64_t key, tenant, value;

	if (left < STREAM_RECORD_BYTES)
		return 0;
	key = import_number(at + IMPORT_KEY_LEN, 4);
	tenant = import_number(at + IMPORT_TENANT_LEN, 4);
	value = import_number(at + IMPORT_VALUE_LEN, 8);
	left -= STREAM_RECORD_BYTES;
	if (key > WEIR_KEY_MAX || tenant > WEIR_TENANT_SHOWN_MAX || key + tenant > left)
		return 0;
	memcpy(all, at, IMPORT_CHECKSUM);
	memcpy(all + IMPORT_CHECKSUM, at + STREAM_RECORD_BYTES, tenant + key);
	import_store(at + IMPORT_CHECKSUM, stream_checksum(all, IMPORT_CHECKSUM + tenant + key));
	return value > left - key - tenant ? 0 : STREAM_RECORD_BYTES + key + tenant + value;
}

static void import_seal(uint8_t *buf, size_t size)
{
	size_t at = STREAM_HEAD_BYTES, length = 1;

	if (size < STREAM_HEAD_BYTES)
		return;
	import_store(buf + IMPORT_CHECKSUM_HEAD, stream_checksum(buf, IMPORT_CHECKSUM_HEAD));
	for (; length; at += length)
		length = import_seal_record(buf + at, size - at);
}

/* Reads as an import does: the value into memory if it is short, else it is skipped. */
static int import_record(struct stream_in *in, struct stream_record *r)
{
	uint8_t *value = NULL;
	int err = stream_read_record(in, r);

	if (err || r->type == STREAM_END)
		return err ? err : 1;
	if (r->type == STREAM_TENANT) {
		FUZZ_CHECK(r->tenant_len && strlen(r->tenant) == r->tenant_len &&
			   r->value_len <= 100);
		return 0;
	}
	FUZZ_CHECK(r->key_len >= 1 && r->key_len <= WEIR_KEY_MAX && r->value_len);
	FUZZ_CHECK(strlen(r->tenant) == r->tenant_len);
	if (r->value_len <= IMPORT_VALUE_MOST)
		value = malloc(r->value_len);
	err = stream_read_value(in, value, r->value_len);
	free(value);
	return err;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct stream_record r;
	uint8_t *buf;
	struct stream_in in = { 0 };
	int err;

	if (!size)
		return 0;
	buf = malloc(size);
	FUZZ_CHECK(buf);
	memcpy(buf, data + 1, size - 1);
	if (data[0] & 1)
		import_seal(buf, size - 1);
	in.file = fopen(fuzz_file(buf, size - 1), "r");
	FUZZ_CHECK(in.file);
	err = stream_read_head(&in);
	while (!err)
		err = import_record(&in, &r);
	fclose(in.file);
	free(buf);
	/* A stream is read to its end, or something is wrong with it. */
	FUZZ_CHECK(in.at < size);
	FUZZ_CHECK(err == 1 || err == -EBADMSG || err == -ENODATA);
	fuzz_result(err == 1 ? 0 : err);
	return 0;
}
