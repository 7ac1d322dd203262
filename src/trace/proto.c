/* SPDX-License-Identifier: Apache-2.0 */
/* proto.c - writes protobuf messages. See proto.h. */
#include "trace/proto.h"

#include <string.h>

#include "base/check.h"

#define PROTO_VARINT 0u
#define PROTO_LENGTH 2u
#define PROTO_LENGTH_BYTES 2u
#define PROTO_VARINT_MAX 10u

static void proto_varint(struct proto *p, uint64_t value)
{
	CHECK(p->length + PROTO_VARINT_MAX <= PROTO_BYTES);
	for (; value > 0x7f; value >>= 7)
		p->bytes[p->length++] = (uint8_t)(value | 0x80);
	p->bytes[p->length++] = (uint8_t)value;
}

void proto_uint(struct proto *p, uint32_t field, uint64_t value)
{
	proto_varint(p, field << 3 | PROTO_VARINT);
	proto_varint(p, value);
}

void proto_string(struct proto *p, uint32_t field, const char *text)
{
	size_t length = strlen(text), room = PROTO_BYTES / 2;

	if (length > room)
		length = room;
	proto_varint(p, field << 3 | PROTO_LENGTH);
	proto_varint(p, length);
	CHECK(p->length + length <= PROTO_BYTES);
	memcpy(p->bytes + p->length, text, length);
	p->length += length;
}

size_t proto_begin(struct proto *p, uint32_t field)
{
	proto_varint(p, field << 3 | PROTO_LENGTH);
	p->length += PROTO_LENGTH_BYTES;
	return p->length;
}

void proto_end(struct proto *p, size_t begin)
{
	size_t length = p->length - begin;

	/* A varint may be longer than its value needs. */
	p->bytes[begin - 2] = (uint8_t)((length & 0x7f) | 0x80);
	p->bytes[begin - 1] = (uint8_t)(length >> 7);
}
