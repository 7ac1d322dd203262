/* SPDX-License-Identifier: Apache-2.0 */
/*
 * content.c - the bytes of a block, made by eight xorshift generators that are seeded by the id.
 *
 * A replay makes or checks every byte that it moves, so this code must be several times faster
 * than a drive. The eight generators run side by side and fill the vector registers of any
 * machine; a check needs no second buffer.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli/content.h"
#include "base/prng.h"

#define CONTENT_LANES 8

typedef uint64_t content_vector __attribute__((vector_size(8 * CONTENT_LANES)));

void content_key(uint64_t id, char key[CONTENT_KEY_LEN + 1])
{
	static const char digits[] = "0123456789abcdef";

	key[0] = 'b';
	for (int i = 0; i < 16; i++)
		key[1 + i] = digits[id >> (60 - 4 * i) & 15];
	key[CONTENT_KEY_LEN] = '\0';
}

int content_parse_key(const char *key, uint64_t *id)
{
	uint64_t value = 0;

	if (key[0] != 'b')
		return -EINVAL;
	for (int i = 1; i < CONTENT_KEY_LEN; i++) {
		unsigned digit = (unsigned)(unsigned char)key[i] - '0';

		if (digit > 9) {
			digit = (unsigned)(unsigned char)key[i] - 'a' + 10;
			if (digit < 10 || digit > 15)
				return -EINVAL;
		}
		value = value << 4 | digit;
	}
	*id = value;
	return 0;
}

static inline void content_seed(content_vector *v, uint64_t id)
{
	for (uint64_t lane = 0; lane < CONTENT_LANES; lane++) /* a xorshift state must not be 0 */
		(*v)[lane] = prng_mix(prng_mix(id) + lane) | 1;
}

static inline void content_step(content_vector *v)
{
	*v ^= *v << 13;
	*v ^= *v >> 7;
	*v ^= *v << 17;
}

void content_fill(uint64_t id, void *buf, size_t len)
{
	unsigned char *out = buf;
	content_vector v;

	content_seed(&v, id);
	for (; len >= sizeof(v); out += sizeof(v), len -= sizeof(v)) {
		content_step(&v);
		memcpy(out, &v, sizeof(v));
	}
	content_step(&v);
	memcpy(out, &v, len);
}

static size_t content_first_difference(const void *a, const void *b, size_t len)
{
	const unsigned char *x = a, *y = b;
	size_t i = 0;

	while (i < len && x[i] == y[i])
		i++;
	return i;
}

/*
 * Returns true if the LEN bytes at IN are what V makes. LEN is a multiple of the vector's size.
 * The loop has no branch.
 */
static int content_same(content_vector *v, const unsigned char *in, size_t len)
{
	content_vector difference = { 0 };
	uint64_t any = 0;

	for (size_t at = 0; at < len; at += sizeof(*v)) {
		content_vector word;

		content_step(v);
		memcpy(&word, in + at, sizeof(word));
		difference |= word ^ *v;
	}
	for (int lane = 0; lane < CONTENT_LANES; lane++)
		any |= difference[lane];
	return !any;
}

size_t content_check(uint64_t id, const void *buf, size_t len)
{
	const unsigned char *in = buf;
	size_t whole = len - len % sizeof(content_vector);
	size_t at = 0;
	content_vector v;

	content_seed(&v, id);
	if (content_same(&v, in, whole))
		at = whole;
	else
		content_seed(&v, id);
	for (; len - at >= sizeof(v); at += sizeof(v)) {
		size_t same;

		content_step(&v);
		same = content_first_difference(in + at, &v, sizeof(v));
		if (same < sizeof(v))
			return at + same;
	}
	content_step(&v);
	return at + content_first_difference(in + at, &v, len - at);
}
