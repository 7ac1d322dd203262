/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proto.h - writes protobuf messages, in the wire format that its documentation describes: a field
 * is its number and type as a varint, and then a varint or a length and bytes.
 *
 * A message is built in memory. A message inside of another has two bytes for its length, so it has
 * at most 16383 bytes. One thread.
 */
#ifndef TRACE_PROTO_H
#define TRACE_PROTO_H

#include <stddef.h>
#include <stdint.h>

#define PROTO_BYTES 8192u

struct proto {
	size_t length;
	uint8_t bytes[PROTO_BYTES];
};

/* Appends the field FIELD. Strings that do not fit any more are cut off. */
void proto_uint(struct proto *p, uint32_t field, uint64_t value);
void proto_string(struct proto *p, uint32_t field, const char *text);
/* Begins a message as the field FIELD; returns what proto_end() needs. */
size_t proto_begin(struct proto *p, uint32_t field);
void proto_end(struct proto *p, size_t begin);

#endif
