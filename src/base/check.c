/* SPDX-License-Identifier: Apache-2.0 */
/*
 * check.c - ends the program when a check has failed. Owns nothing; any thread.
 */
#include "base/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Builds name sources relative to their own folder; the message names them from the root. */
static const char *check_path(const char *file)
{
	while (!strncmp(file, "../", 3))
		file += 3;
	return file;
}

/* No stdio stream is used, because this thread may hold its lock. */
void check_failed(const char *file, int line, const char *function, const char *what)
{
	char text[512];
	int n = snprintf(text, sizeof(text), "%s:%d: %s: CHECK(%s) failed\n", check_path(file),
			 line, function, what);

	if (n >= (int)sizeof(text)) {
		n = (int)sizeof(text);
		text[n - 1] = '\n';
	}
	(void)!write(STDERR_FILENO, text, (size_t)n);
	abort();
}
