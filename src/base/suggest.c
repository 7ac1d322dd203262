/* SPDX-License-Identifier: Apache-2.0 */
/*
 * suggest.c - guesses the word that was meant, by edit distance. Owns nothing; any thread.
 */
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/suggest.h"

/* There is no guess for longer words. */
#define SUGGEST_MAX 31

static unsigned suggest_min(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

/*
 * Returns how many letters must be left out, added, changed or swapped with a neighbour to turn A
 * into B. ROW holds the last three rows of a table; its cell (i, j) is the distance between the
 * first i letters of A and the first j letters of B.
 */
static unsigned suggest_distance(const char *a, size_t a_len, const char *b, size_t b_len)
{
	unsigned row[3][SUGGEST_MAX + 1];

	for (unsigned j = 0; j <= b_len; j++)
		row[0][j] = j;
	for (unsigned i = 1; i <= a_len; i++) {
		const unsigned *before = row[(i + 1) % 3], *last = row[(i - 1) % 3];
		unsigned *now = row[i % 3];

		now[0] = i;
		for (unsigned j = 1; j <= b_len; j++) {
			now[j] = suggest_min(last[j], now[j - 1]) + 1;
			now[j] = suggest_min(now[j], last[j - 1] + (a[i - 1] != b[j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				now[j] = suggest_min(now[j], before[j - 2] + 1);
		}
	}
	return row[a_len % 3][b_len];
}

/* Returns true if one of the two words is the beginning of the other and has three letters or
 * more. */
static bool suggest_begins(const char *a, size_t a_len, const char *b, size_t b_len)
{
	size_t len = a_len < b_len ? a_len : b_len;

	return len >= 3 && a_len != b_len && !strncmp(a, b, len);
}

/*
 * Returns how many wrong letters are still a typing mistake in words of these lengths: one in words
 * of four letters, two in words of five and more. Changing half of a short word makes another word.
 * So in short words the first letter must be right, or the first two must be swapped.
 */
static unsigned suggest_slips(const char *a, size_t a_len, const char *b, size_t b_len)
{
	size_t more = a_len > b_len ? a_len : b_len, less = a_len + b_len - more;

	if (more >= 5 && less >= 4)
		return 2;
	if (less >= 4 || a[0] == b[0])
		return 1;
	return a_len > 1 && b_len > 1 && a[0] == b[1] && a[1] == b[0];
}

const char *suggest_nearest(const char *word, size_t len, const char *const *names, size_t n)
{
	const char *best = NULL;
	unsigned best_distance = 3; /* more than two wrong letters are no typing mistake */

	for (size_t i = 0; i < n; i++) {
		size_t name_len = strlen(names[i]);
		unsigned distance;

		if (!len || len > SUGGEST_MAX || name_len > SUGGEST_MAX)
			continue;
		distance = suggest_distance(word, len, names[i], name_len);
		if (suggest_begins(word, len, names[i], name_len))
			distance = suggest_min(distance, 1);
		if (distance <= suggest_slips(word, len, names[i], name_len) &&
		    distance < best_distance && distance < name_len && distance < len) {
			best = names[i];
			best_distance = distance;
		}
	}
	return best;
}
