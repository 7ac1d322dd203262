/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stream.c - writes and reads a stream of records. It owns nothing; one thread.
 */
#include <assert.h>
#include <endian.h>
#include <errno.h>
#include <string.h>

#include <xxhash.h>

#include "base/error.h"
#include "cli/stream.h"

#define STREAM_MAGIC 0x3150584572696577ull /* "weirEXP1" */
#define STREAM_VERSION 1u
#define STREAM_RECORD_MAGIC 0x43455257u /* "WREC" */

struct stream_head_bytes {
	uint64_t magic;
	uint32_t version;
	uint32_t head_bytes;
	uint8_t uuid[16];
	uint64_t time_ns;
	uint8_t reserved[16];
	uint64_t checksum; /* of the bytes before it */
} __attribute__((packed));

struct stream_record_bytes {
	uint32_t magic;
	uint32_t type;
	uint32_t key_len;
	uint32_t tenant_len;
	uint64_t value_len;
	uint64_t value_checksum;
	uint64_t number;
	uint64_t checksum; /* of the bytes before it, the tenant and the key */
} __attribute__((packed));

static_assert(sizeof(struct stream_head_bytes) == STREAM_HEAD_BYTES, "docs/export.md");
static_assert(sizeof(struct stream_record_bytes) == STREAM_RECORD_BYTES, "docs/export.md");

uint64_t stream_checksum(const void *value, size_t length)
{
	return XXH3_64bits(value, length);
}

void stream_write_head(FILE *out, const uint8_t uuid[16], uint64_t time_ns)
{
	struct stream_head_bytes h = { .magic = htole64(STREAM_MAGIC),
				       .version = htole32(STREAM_VERSION),
				       .head_bytes = htole32(STREAM_HEAD_BYTES),
				       .time_ns = htole64(time_ns) };

	memcpy(h.uuid, uuid, sizeof(h.uuid));
	h.checksum = htole64(stream_checksum(&h, offsetof(struct stream_head_bytes, checksum)));
	fwrite(&h, sizeof(h), 1, out);
}

/* Returns the checksum of a record's header with its tenant and key. */
static uint64_t stream_record_checksum(const struct stream_record_bytes *b,
				       const struct stream_record *r)
{
	uint8_t all[STREAM_RECORD_BYTES + WEIR_TENANT_SHOWN_MAX + WEIR_KEY_MAX];
	size_t at = offsetof(struct stream_record_bytes, checksum);

	memcpy(all, b, at);
	memcpy(all + at, r->tenant, r->tenant_len);
	at += r->tenant_len;
	memcpy(all + at, r->key, r->key_len);
	return stream_checksum(all, at + r->key_len);
}

void stream_write_record(FILE *out, const struct stream_record *r)
{
	struct stream_record_bytes b = { .magic = htole32(STREAM_RECORD_MAGIC),
					 .type = htole32(r->type),
					 .key_len = htole32(r->key_len),
					 .tenant_len = htole32(r->tenant_len),
					 .value_len = htole64(r->value_len),
					 .value_checksum = htole64(r->value_checksum),
					 .number = htole64(r->number) };

	b.checksum = htole64(stream_record_checksum(&b, r));
	fwrite(&b, sizeof(b), 1, out);
	fwrite(r->tenant, 1, r->tenant_len, out);
	fwrite(r->key, 1, r->key_len, out);
}

static int stream_read(struct stream_in *in, void *buf, size_t length)
{
	size_t n = fread(buf, 1, length, in->file);

	in->at += n;
	if (n == length)
		return 0;
	if (ferror(in->file))
		return error_sys(-errno, "reading the stream");
	return error_set(-ENODATA, "the stream ends too early: it is truncated");
}

int stream_read_head(struct stream_in *in)
{
	struct stream_head_bytes h;
	const uint64_t magic = htole64(STREAM_MAGIC);
	int err;

	memset(&h, 0, sizeof(h));
	err = stream_read(in, &h, sizeof(h));
	/* A text that is shorter than a header is no stream that was cut off. */
	if (err && (err != -ENODATA || !memcmp(&h.magic, &magic, in->at < 8 ? in->at : 8)))
		return err;
	if (h.magic != magic)
		return error_set(-EBADMSG, "this is not what `weir export` writes");
	if (le32toh(h.version) != STREAM_VERSION)
		return error_set(-EBADMSG,
				 "a stream of version %u, and this weir knows %u: use a newer one",
				 le32toh(h.version), STREAM_VERSION);
	if (le64toh(h.checksum) !=
	    stream_checksum(&h, offsetof(struct stream_head_bytes, checksum)))
		return error_set(-EBADMSG, "the first bytes of the stream are damaged");
	return 0;
}

static bool stream_lengths_valid(const struct stream_record *r)
{
	if (r->type == STREAM_END)
		return !r->key_len && !r->tenant_len;
	if (r->type == STREAM_TENANT)
		return !r->key_len && r->tenant_len && r->tenant_len <= WEIR_TENANT_SHOWN_MAX &&
		       r->value_len <= 100;
	return r->type == STREAM_VALUE && r->key_len >= 1 && r->key_len <= WEIR_KEY_MAX &&
	       r->tenant_len <= WEIR_TENANT_SHOWN_MAX && r->value_len;
}

int stream_read_record(struct stream_in *in, struct stream_record *r)
{
	struct stream_record_bytes b;
	int err = stream_read(in, &b, sizeof(b));

	if (err)
		return err;
	r->type = le32toh(b.type);
	r->key_len = le32toh(b.key_len);
	r->tenant_len = le32toh(b.tenant_len);
	r->value_len = le64toh(b.value_len);
	r->value_checksum = le64toh(b.value_checksum);
	r->number = le64toh(b.number);
	if (le32toh(b.magic) != STREAM_RECORD_MAGIC || !stream_lengths_valid(r))
		return error_set(-EBADMSG, "the stream is damaged");
	err = stream_read(in, r->tenant, r->tenant_len);
	if (!err)
		err = stream_read(in, r->key, r->key_len);
	if (err)
		return err;
	r->tenant[r->tenant_len] = '\0';
	if (le64toh(b.checksum) != stream_record_checksum(&b, r) ||
	    strlen(r->tenant) != r->tenant_len)
		return error_set(-EBADMSG, "the stream is damaged");
	return 0;
}

int stream_read_value(struct stream_in *in, void *buf, uint64_t length)
{
	uint8_t skipped[4096];
	int err = 0;

	if (buf)
		return stream_read(in, buf, length);
	while (length && !err) {
		size_t n = length < sizeof(skipped) ? length : sizeof(skipped);

		err = stream_read(in, skipped, n);
		length -= n;
	}
	return err;
}
