/* SPDX-License-Identifier: Apache-2.0 */
/*
 * suggest.h - guesses which known word somebody meant who typed another one. Owns nothing.
 */
#ifndef SUGGEST_H
#define SUGGEST_H

#include <stddef.h>

/*
 * Returns the one of N NAMES that is nearest to WORD (LEN bytes), counting letters that were left
 * out, added, changed or swapped. Returns NULL if no name is near enough for a guess.
 */
const char *suggest_nearest(const char *word, size_t len, const char *const *names, size_t n);

#endif
