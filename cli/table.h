/* SPDX-License-Identifier: Apache-2.0 */
/*
 * table.h - text in columns: rows are gathered, then printed as wide as the widest cell needs.
 */
#ifndef TABLE_H
#define TABLE_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define TABLE_COLUMNS_MAX 16

/* Start from { .columns = "lr..." }: a letter a column, l(eft) or r(ight). */
struct table {
	const char *columns;
	char **cells; /* row after row; owned */
	size_t count, room;
	int failed; /* out of memory */
};

/* Adds a row: one string for each column (copied). */
void table_row(struct table *t, ...);

/* Prints the rows, each after INDENT spaces. Returns 0 or -ENOMEM (a row could not be added). */
int table_print(const struct table *t, int indent, FILE *out);

/* Frees what T holds. */
void table_free(struct table *t);

/* 1234567 as "1,234,567": BUF is filled and returned. */
const char *format_count(uint64_t n, char *buf, size_t size);

#endif
