/* SPDX-License-Identifier: Apache-2.0 */
/*
 * text.h - reads each text that people give to weir, line by line: jobs, drives, traces, events,
 * logs.
 *
 * A file may begin with UTF-8's byte order mark, end its lines as Unix or Windows do, lack the last
 * newline, and be packed with gzip or zstd. It must not contain zero bytes, be UTF-16, have a line
 * that is longer than its reader expects, or have a million empty lines in a row. Each of these is
 * an error that names the line. So no file and no device makes weir use unlimited memory or read
 * for ever. One thread for each text.
 */
#ifndef TEXT_H
#define TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct unpack;

struct text {
	const char *name; /* the caller's; for messages. NULL: standard input, "line 3: ..." */
	uint64_t line;	  /* number of the last line, from 1 */
	bool cut_off;	  /* the last line had no newline */
	uint64_t empty;	  /* so many lines before this one are empty */
	/* Only text.c uses the fields below. */
	struct unpack *unpack;
	char *buf;
	size_t from, to, room, line_max;
	bool ended;
	int err;
};

/*
 * Opens the file at PATH for reading ("-": standard input) and returns it; text_close() closes it.
 * Returns NULL, with weir_error() and errno set, if PATH is a folder, cannot be opened, or is a
 * named pipe that nobody opens for writing within 5 seconds.
 */
FILE *text_open(const char *path);

/* Closes IN, unless it is standard input. */
void text_close(FILE *in);

/* Returns the name of PATH for messages. */
const char *text_name(const char *path);

/*
 * Begins to read IN, whose lines have at most LINE_MAX bytes. Returns 0 or -ENOMEM. In any case
 * text_end() must be called for T; IN stays open.
 */
int text_begin(struct text *t, FILE *in, const char *name, size_t line_max);

/*
 * Gets the next line, without its end. The caller may change it; it is valid until the next call.
 * Returns 1; 0 if there is no more line; or -errno, with file and line in weir_error(), and then
 * again with each further call.
 */
int text_line(struct text *t, char **line, size_t *len);

/* Frees the memory of T. */
void text_end(struct text *t);

/* Sets weir_error() to "NAME:LINE: " or "line LINE: ", followed by the text of FMT. Returns ERR. */
int text_error(const struct text *t, int err, const char *fmt, ...)
	__attribute__((format(printf, 3, 4), cold));

#endif
