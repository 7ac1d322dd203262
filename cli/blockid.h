/* SPDX-License-Identifier: Apache-2.0 */
/*
 * blockid.h - ids of blocks: what traces call blocks, as 64-bit numbers. A trace may use any whole
 * number and any string as the name of a block.
 *
 * A number from 0 to 2^64-1 is its own id. A string that spells a whole number of 64 bits (also a
 * negative one) as JSON would ("12", not "012") means that number, because programs quote numbers
 * that are too long for other readers. Every other name is hashed to 64 bits: two negative numbers
 * never get the same id, two other names only with a chance of one in 2^64. Owns nothing; any
 * thread may call it.
 */
#ifndef BLOCKID_H
#define BLOCKID_H

#include <stddef.h>
#include <stdint.h>

/* Returns the id of the number VALUE. */
uint64_t blockid_signed(int64_t value);

/* Returns the id of the name of LEN bytes at TEXT. */
uint64_t blockid_text(const char *text, size_t len);

/*
 * Puts quotes around those whole numbers in the LEN bytes of JSON at TEXT that are too long for
 * the JSON library. *QUOTED gets the new text, which the caller frees, or NULL if there are no
 * such numbers. Returns 0 or -ENOMEM.
 */
int blockid_quote(const char *text, size_t len, char **quoted);

#endif
