/* SPDX-License-Identifier: Apache-2.0 */
/*
 * visible.h - text as a person can see it: what a terminal would not show, or would obey, is
 * spelled out. Owns nothing; any thread.
 */
#ifndef VISIBLE_H
#define VISIBLE_H

#include <stddef.h>

/*
 * Copies the text SRC to the SIZE bytes at DST, always with a final NUL. A byte that is a control
 * character, or not UTF-8, becomes \xNN, and a character that has no ink (a byte order mark, a
 * space of no width, a change of the writing direction) \uNNNN. Newlines stay. What does not fit
 * is left out, never a part of a character. Returns DST.
 */
char *visible(char *dst, size_t size, const char *src);

#endif
