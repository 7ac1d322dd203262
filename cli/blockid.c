/* SPDX-License-Identifier: Apache-2.0 */
/* blockid.c - turns names of blocks into numbers. See blockid.h. */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/prng.h"
#include "cli/blockid.h"

/*
 * This value is mixed into the ids of negative numbers, so that they differ from the positive
 * ones.
 */
#define BLOCKID_NEGATIVE 0x6e65676174697665u
#define BLOCKID_STRING 0x737472696e672d69u
/* A number with this many digits may be too large for an int64_t. */
#define BLOCKID_LONG 19u

uint64_t blockid_signed(int64_t value)
{
	/* The mixing can be inverted, so two negative numbers never get the same id. */
	return value < 0 ? prng_mix((uint64_t)value ^ BLOCKID_NEGATIVE) : (uint64_t)value;
}

/* Returns true if TEXT is a whole number of 64 bits, written as JSON would write it. */
static bool blockid_number(const char *text, size_t len, uint64_t *id)
{
	bool negative = len && *text == '-';
	const char *digits = text + negative;
	size_t n = len - negative;
	uint64_t value = 0;

	if (!n || (*digits == '0' && (n > 1 || negative)))
		return false;
	for (size_t i = 0; i < n; i++) {
		unsigned digit = (unsigned)(unsigned char)digits[i] - '0';

		if (digit > 9 || __builtin_mul_overflow(value, 10, &value) ||
		    __builtin_add_overflow(value, digit, &value))
			return false;
	}
	if (negative && value > (uint64_t)INT64_MAX + 1)
		return false;
	*id = negative ? blockid_signed((int64_t)(0 - value)) : value;
	return true;
}

uint64_t blockid_text(const char *text, size_t len)
{
	uint64_t id = BLOCKID_STRING + len;

	if (blockid_number(text, len, &id))
		return id;
	for (size_t at = 0; at < len; at += sizeof(uint64_t)) {
		size_t n = len - at < sizeof(uint64_t) ? len - at : sizeof(uint64_t);
		uint64_t word = 0;

		memcpy(&word, text + at, n);
		id = prng_mix(id ^ word) + BLOCKID_STRING;
	}
	return prng_mix(id);
}

/*
 * Returns the length of the number at S, which ends before END, or 0 if the number needs no
 * quotes.
 */
static size_t blockid_long_number(const char *s, const char *end)
{
	const char *digits = s + (*s == '-'), *at = digits;

	while (at < end && *at >= '0' && *at <= '9')
		at++;
	if ((size_t)(at - digits) < BLOCKID_LONG || *digits == '0')
		return 0;
	return at < end && strchr(".eE", *at) ? 0 : (size_t)(at - s);
}

/* Returns the length of the piece of JSON at S: a string, a number or one other byte. */
static size_t blockid_piece(const char *s, const char *end)
{
	const char *at = s + 1;

	if (*s == '"') {
		for (; at < end && *at != '"'; at++)
			at += *at == '\\' && at + 1 < end;
		return (size_t)(at < end ? at + 1 - s : at - s);
	}
	if (*s == '-' || (*s >= '0' && *s <= '9'))
		while (at < end && ((*at >= '0' && *at <= '9') || strchr(".eE+-", *at)))
			at++;
	return (size_t)(at - s);
}

int blockid_quote(const char *text, size_t len, char **quoted)
{
	const char *end = text + len;
	char *to = NULL;

	*quoted = NULL;
	for (const char *s = text; s < end;) {
		size_t piece = blockid_piece(s, end), number = blockid_long_number(s, end);

		number = number == piece ? number : 0;
		if (number && !*quoted) {
			/* Each number that gets two quotes has at least 19 digits. */
			*quoted = malloc(len + len / 8 + 3);
			if (!*quoted)
				return -ENOMEM;
			memcpy(*quoted, text, (size_t)(s - text));
			to = *quoted + (s - text);
		}
		if (number)
			*to++ = '"';
		if (to) {
			memcpy(to, s, piece);
			to += piece;
		}
		if (number)
			*to++ = '"';
		s += piece;
	}
	if (to)
		*to = '\0';
	return 0;
}
