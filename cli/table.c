/* SPDX-License-Identifier: Apache-2.0 */
/* table.c - text in columns. A table owns copies of its cells; one thread uses it. */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "cli/table.h"

static int table_grow(struct table *t, size_t columns)
{
	size_t room = t->room ? 2 * t->room : 16 * columns;
	char **cells;

	if (t->count + columns <= t->room)
		return 0;
	cells = realloc(t->cells, room * sizeof(*cells));
	if (!cells)
		return -ENOMEM;
	t->cells = cells;
	t->room = room;
	return 0;
}

void table_row(struct table *t, ...)
{
	size_t columns = strlen(t->columns);
	va_list args;

	if (t->failed || table_grow(t, columns) < 0) {
		t->failed = 1;
		return;
	}
	va_start(args, t);
	for (size_t i = 0; i < columns; i++) {
		t->cells[t->count] = strdup(va_arg(args, const char *));
		if (!t->cells[t->count++])
			t->failed = 1;
	}
	va_end(args);
}

/* Returns the length of CELL without the blanks at its end. */
static int table_trimmed(const char *cell)
{
	size_t length = strlen(cell);

	while (length && cell[length - 1] == ' ')
		length--;
	return (int)length;
}

/* Prints the LENGTH bytes of TEXT in lines of ROOM columns at most. Further lines begin after
 * INDENT spaces. */
static void table_print_text(const char *text, int length, int room, int indent, FILE *out)
{
	while (room > 0 && length > room) {
		int n = room;

		while (n && text[n] != ' ')
			n--;
		if (!n)
			break; /* a word that is too long */
		fprintf(out, "%.*s\n%*s", n, text, indent, "");
		text += n + 1;
		length -= n + 1;
	}
	fprintf(out, "%.*s", length, text);
}

/* Prints a row. No line ends in blanks, so it ends with its last cell that has text. */
static void table_print_row(const struct table *t, char *const *cells, const size_t *width,
			    int indent, FILE *out)
{
	size_t columns = strlen(t->columns), all = columns;
	int at = indent;

	while (columns && !table_trimmed(cells[columns - 1]))
		columns--;
	for (size_t i = 0; i < columns; i++) {
		int pad = (int)(width[i] - strlen(cells[i])), last = i == columns - 1;
		int before = t->columns[i] == 'r' ? pad : 0;
		int room = i == all - 1 && t->wrap ? t->wrap - at - before : 0;

		fprintf(out, "%*s", (i ? 2 : indent) + before, "");
		if (last)
			table_print_text(cells[i], table_trimmed(cells[i]), room, at, out);
		else
			fprintf(out, "%s%*s", cells[i], pad - before, "");
		at += (int)width[i] + 2;
	}
	putc('\n', out);
}

int table_print(const struct table *t, int indent, FILE *out)
{
	size_t columns = strlen(t->columns);
	size_t width[TABLE_COLUMNS_MAX] = { 0 };

	if (t->failed)
		return -ENOMEM;
	for (size_t i = 0; i < t->count; i++)
		if (strlen(t->cells[i]) > width[i % columns])
			width[i % columns] = strlen(t->cells[i]);
	for (size_t i = 0; i < t->count; i += columns)
		table_print_row(t, &t->cells[i], width, indent, out);
	return 0;
}

void table_free(struct table *t)
{
	for (size_t i = 0; i < t->count; i++)
		free(t->cells[i]);
	free(t->cells);
	t->cells = NULL;
	t->count = t->room = 0;
}

const char *table_count(uint64_t n, char *buf, size_t size)
{
	char digits[24];
	int len = snprintf(digits, sizeof(digits), "%" PRIu64, n);
	size_t at = 0;

	for (int i = 0; i < len && at + 2 < size; i++) {
		if (i && (len - i) % 3 == 0)
			buf[at++] = ',';
		buf[at++] = digits[i];
	}
	buf[at] = '\0';
	return buf;
}
