/* SPDX-License-Identifier: Apache-2.0 */
/*
 * blockid.h - what traces call blocks, as 64-bit numbers. A name is no quantity: any whole number
 * and any string is one.
 *
 * A number from 0 to 2^64-1 is itself. A string that spells such a number, or a negative one of 64
 * bits, as JSON would ("12", not "012"), is that number, for programs quote what is too long for
 * others to read. Everything else is hashed to 64 bits: negative numbers never meet each other, and
 * other names only by a chance of one in 2^64 for each pair. Owns nothing; any thread.
 */
#ifndef BLOCKID_H
#define BLOCKID_H

#include <stddef.h>
#include <stdint.h>

/* The id of the number VALUE. */
uint64_t blockid_signed(int64_t value);

/* The id of the LEN bytes at TEXT. */
uint64_t blockid_text(const char *text, size_t len);

/*
 * Puts quotes around the whole numbers in the LEN bytes of JSON at TEXT that are too long for
 * JSON's library. *QUOTED gets the new text, to be freed, or NULL where there are none. 0 or
 * -ENOMEM.
 */
int blockid_quote(const char *text, size_t len, char **quoted);

#endif
