/* SPDX-License-Identifier: Apache-2.0 */
/*
 * key.h - keys as text: any bytes, written so that a terminal shows them and weir reads them back.
 */
#ifndef KEY_H
#define KEY_H

#include <stddef.h>
#include <stdint.h>

#include <weir/store.h>

/* Room for any escaped key: four characters a byte and the end. */
#define KEY_TEXT_MAX (4 * WEIR_KEY_MAX + 1)

/*
 * Writes the LEN bytes of KEY as text: a backslash as two, what is not printable ASCII as \xNN.
 * TEXT has KEY_TEXT_MAX bytes, and is returned.
 */
const char *key_escape(const void *key, size_t len, char *text);

/*
 * The way back: TEXT into KEY, which has WEIR_KEY_MAX bytes, and its length. A backslash must
 * begin \\ or \xNN. 0, or -EINVAL with weir_error() set (also where a key would be too long).
 */
int key_unescape(const char *text, void *key, size_t *len);

/* A key as a command line gives it: its bytes, or with ESCAPED as `weir ls` prints it. */
struct key {
	unsigned char bytes[WEIR_KEY_MAX];
	size_t len;
};

/* Reads a key from the command line. 0, or -EINVAL (empty, too long, badly escaped). */
int key_read(struct key *key, const char *text, int escaped);

#endif
