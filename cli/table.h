/* SPDX-License-Identifier: Apache-2.0 */
/*
 * table.h - text in columns: rows are collected, then printed with columns as wide as their widest
 * cell.
 */
#ifndef TABLE_H
#define TABLE_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define TABLE_COLUMNS_MAX 16
#define TABLE_WRAP 100 /* a good value for `wrap` */

/* A table. Initialise it with { .columns = "lr..." }: one letter a column, l(eft) or r(ight). */
struct table {
	const char *columns;
	/* The last column is text: it is broken at blanks, so that rows have so many columns at
	 * most; 0: it is not. */
	int wrap;
	char **cells; /* the cells, row by row; the table owns them */
	size_t count, room;
	int failed; /* memory ran out */
};

/* Adds a row: one string for each column. The strings are copied. */
void table_row(struct table *t, ...);

/* Prints the rows, each after INDENT spaces. Returns 0, or -ENOMEM if a row could not be added. */
int table_print(const struct table *t, int indent, FILE *out);

/* Frees what T holds. */
void table_free(struct table *t);

/* Writes 1234567 as "1,234,567" into BUF and returns BUF. */
const char *table_count(uint64_t n, char *buf, size_t size);

#endif
