/* SPDX-License-Identifier: Apache-2.0 */
/*
 * visible.c - spells out characters that cannot be seen. See visible.h.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/visible.h"

#define NO_CHARACTER UINT32_MAX

/* Ranges of characters without ink that differ from the ordinary space. Sorted. */
static const struct {
	uint32_t first, last;
} unseen[] = {
	{ 0x80, 0xa0 },	      { 0xad, 0xad },	  { 0x34f, 0x34f },   { 0x61c, 0x61c },
	{ 0x115f, 0x1160 },   { 0x17b4, 0x17b5 }, { 0x180b, 0x180e }, { 0x2000, 0x200f },
	{ 0x2028, 0x202f },   { 0x205f, 0x206f }, { 0x3000, 0x3000 }, { 0x3164, 0x3164 },
	{ 0xfe00, 0xfe0f },   { 0xfeff, 0xfeff }, { 0xffa0, 0xffa0 }, { 0xfff0, 0xfffb },
	{ 0xe0000, 0xe0fff },
};

/* Returns the character that begins at S, and its length in *LEN. Returns NO_CHARACTER if that is
 * not UTF-8. */
static uint32_t visible_decode(const unsigned char *s, size_t *len)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	uint32_t c = s[0];

	*len = c < 0x80 ? 1 : (c & 0xe0) == 0xc0 ? 2 : (c & 0xf0) == 0xe0 ? 3 : 4;
	if (*len == 1)
		return c;
	if (c < 0xc0 || c > 0xf7)
		return NO_CHARACTER;
	c &= 0xffu >> (*len + 1);
	for (size_t i = 1; i < *len; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return NO_CHARACTER;
		c = c << 6 | (s[i] & 0x3f);
	}
	if (c < least[*len] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return NO_CHARACTER;
	return c;
}

static bool visible_is_unseen(uint32_t c)
{
	if (c < 0x80)
		return (c < 0x20 && c != '\n') || c == 0x7f;
	for (size_t i = 0; i < sizeof(unseen) / sizeof(unseen[0]); i++)
		if (c >= unseen[i].first && c <= unseen[i].last)
			return true;
	return false;
}

/* Writes the first character of S to PIECE, and its length in S to *LEN. */
static void visible_piece(char piece[16], const unsigned char *s, size_t *len)
{
	uint32_t c = visible_decode(s, len);

	if (c == NO_CHARACTER) {
		*len = 1;
		snprintf(piece, 16, "\\x%02x", *s);
	} else if (!visible_is_unseen(c)) {
		memcpy(piece, s, *len);
		piece[*len] = '\0';
	} else if (c < 0x80) {
		snprintf(piece, 16, c == '\t' ? "\\t" : "\\x%02x", c);
	} else {
		snprintf(piece, 16, "\\u%04x", c);
	}
}

char *visible(char *dst, size_t size, const char *src)
{
	size_t at = 0, len;
	char piece[16];

	for (; *src; src += len) {
		visible_piece(piece, (const unsigned char *)src, &len);
		if (at + strlen(piece) >= size)
			break;
		memcpy(dst + at, piece, strlen(piece));
		at += strlen(piece);
	}
	dst[at] = '\0';
	return dst;
}
