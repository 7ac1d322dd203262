/* SPDX-License-Identifier: Apache-2.0 */
/*
 * suggest.c - guesses the word that was meant, by edit distance. Owns nothing; any thread.
 */
#include <stdint.h>
#include <string.h>

#include "base/suggest.h"

/* Longer words are not guessed at. */
#define SUGGEST_MAX 31

static unsigned suggest_min(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

/*
 * Letters to leave out, add, change or swap with a neighbour to turn A into B. ROW holds the last
 * three rows of the table in which cell (i, j) is the distance of the first i letters of A from
 * the first j of B.
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

const char *suggest_nearest(const char *word, size_t len, const char *const *names, size_t n)
{
	const char *best = NULL;
	unsigned best_distance = 3; /* more than two slips are no slip */

	for (size_t i = 0; i < n; i++) {
		size_t name_len = strlen(names[i]);
		unsigned distance;

		if (!len || len > SUGGEST_MAX || name_len > SUGGEST_MAX)
			continue;
		distance = suggest_distance(word, len, names[i], name_len);
		if (len >= 3 && name_len > len && !strncmp(word, names[i], len))
			distance = suggest_min(distance, 1); /* a beginning */
		if (distance < best_distance && distance < name_len && distance < len) {
			best = names[i];
			best_distance = distance;
		}
	}
	return best;
}
