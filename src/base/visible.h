/* SPDX-License-Identifier: Apache-2.0 */
/*
 * visible.h - makes text visible: characters that a terminal would not show, or would obey, are
 * spelled out. Owns nothing; any thread.
 */
#ifndef VISIBLE_H
#define VISIBLE_H

#include <stddef.h>

/*
 * Copies the text SRC to the SIZE bytes at DST, always with a final NUL. A byte that is a control
 * character or not UTF-8 becomes \xNN. A character without ink (a byte order mark, a space of no
 * width, a change of the writing direction) becomes \uNNNN. Newlines stay. Characters that do not
 * fit are left out as a whole. Returns DST.
 */
char *visible(char *dst, size_t size, const char *src);

#endif
