/* SPDX-License-Identifier: Apache-2.0 */
/*
 * suggest.h - which of the known words somebody meant who typed another one. Owns nothing.
 */
#ifndef SUGGEST_H
#define SUGGEST_H

#include <stddef.h>

/*
 * The one of N NAMES that is nearest to WORD of LEN bytes, counting letters that were left out,
 * added, changed or swapped; NULL if none is near enough to be worth a guess.
 */
const char *suggest_nearest(const char *word, size_t len, const char *const *names, size_t n);

#endif
