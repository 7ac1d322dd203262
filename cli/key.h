/* SPDX-License-Identifier: Apache-2.0 */
/*
 * key.h - keys as text. A key may contain any bytes; the text can be shown on a terminal, and weir
 * reads it back.
 */
#ifndef KEY_H
#define KEY_H

#include <stddef.h>
#include <stdint.h>

#include <weir/store.h>

/* The size of a buffer for any escaped key: four characters for each byte, and the final NUL. */
#define KEY_TEXT_MAX (4 * WEIR_KEY_MAX + 1)

/*
 * Writes the LEN bytes of KEY as text: a backslash becomes two, and each byte that is not
 * printable ASCII becomes \xNN. TEXT has KEY_TEXT_MAX bytes; it is returned.
 */
const char *key_escape(const void *key, size_t len, char *text);

/*
 * Reads TEXT, which key_escape() wrote, into KEY, which has WEIR_KEY_MAX bytes, and sets *LEN. A
 * backslash must begin \\ or \xNN. Returns 0, or -EINVAL with weir_error() set (also if the key is
 * too long).
 */
int key_unescape(const char *text, void *key, uint32_t *len);

/* A key of the command line: either its bytes, or the text that `weir ls` prints for it. */
struct key {
	unsigned char bytes[WEIR_KEY_MAX];
	uint32_t len;
};

/*
 * Reads a key from the command line; ESCAPED says that TEXT is written as `weir ls` prints it.
 * Returns 0, or -EINVAL (the key is empty, too long or badly escaped).
 */
int key_read(struct key *key, const char *text, int escaped);

/*
 * Returns words to put behind the message that KEY is not there: if it looks like one that `weir
 * ls` printed, about --escaped; else none.
 */
const char *key_hint(const struct key *key);

#endif
