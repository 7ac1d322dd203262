/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trace_lines.h - what the readers of the trace formats share. Only for trace.c, trace_json.c and
 * trace_csv.c; one thread for each reader.
 */
#ifndef TRACE_LINES_H
#define TRACE_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cli/trace.h"

struct text;

/* The columns of a trace of rows that are read. */
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
	const struct text *line;  /* the last one that was read, for messages */
	bool begun;		  /* a line that is not empty has been read */
	size_t columns;		  /* in each row */
	size_t at[TRACE_COLUMNS]; /* the place of each column in a row */
};

/* Sets weir_error() and returns -ENOMEM. */
int trace_no_memory(void);

/*
 * VALUE, which FIELD has, as nanoseconds: of milliseconds in Mooncake's traces, else of seconds. 0
 * or -EINVAL, with weir_error() naming the line.
 */
int trace_time(const struct trace_reader *r, const char *field, double value, uint64_t *time_ns);

/* Adds the request on the line of LEN bytes at TEXT. 0, -EINVAL or -ENOMEM, with weir_error(). */
int trace_json_line(struct trace_reader *r, const char *text, size_t len);

/* Does TEXT look like the header of a trace of rows? */
bool trace_csv_is_header(const char *text);

/* Learns from the header TEXT, which it changes, where each column is. 0 or -EINVAL. */
int trace_csv_header(struct trace_reader *r, char *text);

/* Adds the object in the row TEXT, which it changes, if its tier is played. As the others. */
int trace_csv_line(struct trace_reader *r, char *text);

#endif
