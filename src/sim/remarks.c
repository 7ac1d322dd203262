/* SPDX-License-Identifier: Apache-2.0 */
/* remarks.c - a list of lines of text. See remarks.h. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/remarks.h"

void remarks_add(struct remarks *r, const char *fmt, ...)
{
	char **more;
	va_list args;

	if (r->count == REMARKS_MAX) {
		r->dropped++;
		return;
	}
	more = reallocarray(r->line, r->count + 1, sizeof(*more));
	if (!more) {
		r->failed = true;
		return;
	}
	r->line = more;
	va_start(args, fmt);
	if (vasprintf(&r->line[r->count], fmt, args) < 0)
		r->failed = true;
	else
		r->count++;
	va_end(args);
}

void remarks_free(struct remarks *r)
{
	for (size_t i = 0; i < r->count; i++)
		free(r->line[i]);
	free(r->line);
	memset(r, 0, sizeof(*r));
}
