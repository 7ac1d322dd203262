/* SPDX-License-Identifier: Apache-2.0 */
/*
 * text.h - reads every text that people give to weir, line by line: jobs, drives, traces, events,
 * logs.
 *
 * A file may begin with UTF-8's byte order mark, end its lines as Unix or Windows do, lack the last
 * newline, and be packed with gzip or zstd. It may not hold zero bytes, be UTF-16, or have a line
 * that is longer than its reader expects, or a million empty ones in a row: that is an error which
 * names the line, so that no file and no device makes weir eat memory or read for ever. One thread
 * for each text.
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
	uint64_t line;	  /* number of the last one, from 1 */
	bool cut_off;	  /* the last one had no newline */
	uint64_t empty;	  /* so many before here are empty, in a row */
	/* Only for text.c. */
	struct unpack *unpack;
	char *buf;
	size_t from, to, room, line_max;
	bool ended;
	int err;
};

/*
 * Opens the file at PATH for reading ("-": standard input) and returns it, to be closed with
 * text_close(). NULL with weir_error() and errno set: it is a folder, it cannot be opened, or it is
 * a named pipe that nobody opens for writing in 5 seconds.
 */
FILE *text_open(const char *path);

/* Closes IN, unless it is standard input. */
void text_close(FILE *in);

/* What messages call PATH. */
const char *text_name(const char *path);

/*
 * Begins to read IN, whose lines have LINE_MAX bytes at most. 0 or -ENOMEM. T is given back by
 * text_end() in any case; IN stays open.
 */
int text_begin(struct text *t, FILE *in, const char *name, size_t line_max);

/*
 * The next line, without its end; it may be changed, and lives until the next call. 1; 0: there is
 * none; or -errno with weir_error() naming file and line, again with every further call.
 */
int text_line(struct text *t, char **line, size_t *len);

/* Frees what T holds. */
void text_end(struct text *t);

/* Sets weir_error() to "NAME:LINE: ", or "line LINE: ", and what FMT says. Returns ERR. */
int text_error(const struct text *t, int err, const char *fmt, ...)
	__attribute__((format(printf, 3, 4), cold));

#endif
