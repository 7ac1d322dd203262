/* SPDX-License-Identifier: Apache-2.0 */
/*
 * content.h - what the blocks of a replay are called and what is in them, both derived from the
 * id, so that any run can check what another one wrote. Owns nothing; any thread.
 */
#ifndef CONTENT_H
#define CONTENT_H

#include <stddef.h>
#include <stdint.h>

/* Bytes in the key of a block: "b" and 16 hexadecimal digits. */
#define CONTENT_KEY_LEN 17

/* Writes the key of block ID and a final NUL to KEY. */
void content_key(uint64_t id, char key[CONTENT_KEY_LEN + 1]);

/* The way back: 0, or -EINVAL if the CONTENT_KEY_LEN characters at KEY are no key. */
int content_parse_key(const char *key, uint64_t *id);

/* Fills BUF with the first LEN bytes of block ID. */
void content_fill(uint64_t id, void *buf, size_t len);

/* Compares BUF with the first LEN bytes of block ID. Returns the offset of the first byte that
 * differs; LEN: none does. */
size_t content_check(uint64_t id, const void *buf, size_t len);

#endif
