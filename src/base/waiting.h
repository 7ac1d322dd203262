/* SPDX-License-Identifier: Apache-2.0 */
/*
 * waiting.h - says why an open takes long. The library prints nothing, so the program gives a
 * function that does. Any thread may tell; a program listens before it opens anything.
 */
#ifndef WAITING_H
#define WAITING_H

#include <stdbool.h>

/* From now on calls FN with a sentence about who is waited for, from any thread that waits, and
 * with NULL when the wait is over. */
void waiting_listen(void (*fn)(const char *words));

/* Returns true if somebody listens. */
bool waiting_is_heard(void);

/* Tells WORDS, or with NULL that the wait is over. */
void waiting_tell(const char *words);

#endif
