/* SPDX-License-Identifier: Apache-2.0 */
/* key.c - writes keys as text and reads them. Owns nothing; any thread may call it. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "cli/key.h"

const char *key_escape(const void *key, size_t len, char *text)
{
	static const char digits[] = "0123456789abcdef";
	const unsigned char *p = key;
	char *out = text;

	for (size_t i = 0; i < len; i++) {
		if (p[i] == '\\') {
			*out++ = '\\';
			*out++ = '\\';
		} else if (p[i] >= 0x20 && p[i] < 0x7f) {
			*out++ = (char)p[i];
		} else {
			*out++ = '\\';
			*out++ = 'x';
			*out++ = digits[p[i] >> 4];
			*out++ = digits[p[i] & 15];
		}
	}
	*out = '\0';
	return text;
}

static unsigned key_digit(char c)
{
	return (unsigned)(isdigit((unsigned char)c) ? c - '0' : (c | 0x20) - 'a' + 10);
}

/*
 * Reads the escape whose backslash is at TEXT. Returns its length with the backslash, or 0 if it
 * is invalid.
 */
static size_t key_escape_at(const char *text, unsigned char *byte)
{
	if (text[1] == '\\') {
		*byte = '\\';
		return 2;
	}
	if (text[1] != 'x' || !isxdigit((unsigned char)text[2]) ||
	    !isxdigit((unsigned char)text[3]))
		return 0;
	*byte = (unsigned char)(key_digit(text[2]) << 4 | key_digit(text[3]));
	return 4;
}

static int key_too_long(size_t len)
{
	return error_set(-EINVAL, "the key has %zu bytes: the longest has %u", len, WEIR_KEY_MAX);
}

int key_unescape(const char *text, void *key, uint32_t *len)
{
	unsigned char *out = key;
	size_t n = 0;

	while (*text) {
		unsigned char byte = (unsigned char)*text;
		size_t step = byte == '\\' ? key_escape_at(text, &byte) : 1;

		if (!step)
			return error_set(-EINVAL,
					 "bad escape at \"%.4s\": \\\\ and \\xNN are known", text);
		if (n < WEIR_KEY_MAX)
			out[n] = byte;
		n++;
		text += step;
	}
	*len = (uint32_t)n;
	return n > WEIR_KEY_MAX ? key_too_long(n) : 0;
}

int key_read(struct key *key, const char *text, int escaped)
{
	int err;

	if (escaped) {
		err = key_unescape(text, key->bytes, &key->len);
		if (err < 0)
			return err;
	} else {
		size_t len = strlen(text);

		if (len > WEIR_KEY_MAX)
			return key_too_long(len);
		key->len = (uint32_t)len;
		memcpy(key->bytes, text, key->len);
	}
	if (!key->len)
		return error_set(-EINVAL, "the key is empty: it has 1 to %u bytes", WEIR_KEY_MAX);
	return 0;
}

const char *key_hint(const struct key *key)
{
	const unsigned char *b = key->bytes;

	for (uint32_t i = 0; i + 3 < key->len; i++)
		if (b[i] == '\\' && b[i + 1] == 'x' && isxdigit(b[i + 2]) && isxdigit(b[i + 3]))
			return " (if `weir ls` printed it so: --escaped)";
	return "";
}
