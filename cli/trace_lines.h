/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trace_lines.h - declarations that the readers of the trace formats share: trace.c, trace_*.c
 * only. One thread for each reader.
 */
#ifndef TRACE_LINES_H
#define TRACE_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cli/trace.h"

struct text;

/* The columns that are read of a trace of rows. */
enum trace_column {
	TRACE_TIMESTAMP,
	TRACE_OPERATION,
	TRACE_SIZE,
	TRACE_TIER,
	TRACE_KEY,
	TRACE_COLUMNS,
};

struct trace_reader {
	struct trace *trace;
	const struct trace_opts *opts;
	const struct text *line;  /* the last line that was read, for messages */
	bool begun;		  /* a line that is not empty was read */
	size_t columns;		  /* number of columns of each row */
	size_t at[TRACE_COLUMNS]; /* index of each column in a row */
};

/* Sets weir_error() and returns -ENOMEM. */
int trace_no_memory(void);

/*
 * Converts VALUE, the value of FIELD, to nanoseconds; it is in milliseconds in Mooncake's traces,
 * otherwise in seconds. Returns 0 or -EINVAL, where weir_error() names the line.
 */
int trace_time(const struct trace_reader *r, const char *field, double value, uint64_t *time_ns);

/*
 * Adds the request on the line of LEN bytes at TEXT. Returns 0, -EINVAL or -ENOMEM, with
 * weir_error() set.
 */
int trace_json_line(struct trace_reader *r, const char *text, size_t len);

/* Returns true if TEXT can be the header of a trace of rows. */
bool trace_csv_is_header(const char *text);

/* Finds the place of each column in the header TEXT, which it changes. Returns 0 or -EINVAL. */
int trace_csv_header(struct trace_reader *r, char *text);

/*
 * Adds the object in the row TEXT, which it changes, if its tier is played. Returns the same as
 * trace_json_line().
 */
int trace_csv_line(struct trace_reader *r, char *text);

#endif
