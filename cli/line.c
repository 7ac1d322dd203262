/* SPDX-License-Identifier: Apache-2.0 */
/* line.c - shows what a command is doing. See line.h. */
#include "cli/line.h"

#include <stdarg.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define LINE_BYTES 1024

/* Returns how many columns the line may have: in the last one a terminal may wrap. Where nobody
 * knows the width, nothing is left out: the end may be the name of a file. */
static int line_columns(void)
{
	struct winsize size;

	if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) || !size.ws_col)
		return LINE_BYTES - 1;
	return size.ws_col < LINE_BYTES ? size.ws_col - 1 : LINE_BYTES - 1;
}

void line_show(const char *fmt, ...)
{
	char text[LINE_BYTES];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	fprintf(stderr, "\r\033[K%.*s", line_columns(), text);
	fflush(stderr);
}

void line_clear(void)
{
	fprintf(stderr, "\r\033[K");
	fflush(stderr);
}
