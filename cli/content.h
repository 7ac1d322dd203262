/* SPDX-License-Identifier: Apache-2.0 */
/*
 * content.h - the keys and the bytes of the blocks of a replay. Both follow from the block's id,
 * so any run can check what another run wrote. Owns nothing; any thread may call it.
 */
#ifndef CONTENT_H
#define CONTENT_H

#include <stddef.h>
#include <stdint.h>

/* The length of a block's key: "b" and 16 hexadecimal digits. */
#define CONTENT_KEY_LEN 17

/* Writes the key of block ID and a final NUL to KEY. */
void content_key(uint64_t id, char key[CONTENT_KEY_LEN + 1]);

/*
 * Reads the id back from the CONTENT_KEY_LEN characters at KEY. Returns 0, or -EINVAL if they are
 * not such a key.
 */
int content_parse_key(const char *key, uint64_t *id);

/* Fills BUF with the first LEN bytes of block ID. */
void content_fill(uint64_t id, void *buf, size_t len);

/*
 * Compares BUF with the first LEN bytes of block ID. Returns the offset of the first byte that
 * differs, or LEN if all are equal.
 */
size_t content_check(uint64_t id, const void *buf, size_t len);

#endif
