/* SPDX-License-Identifier: Apache-2.0 */
/*
 * iolog_lines.h - the interface between the reader of logs and the parsers of their formats. One
 * thread.
 */
#ifndef SIM_IOLOG_LINES_H
#define SIM_IOLOG_LINES_H

#include "sim/iolog.h"
#include "text/text.h"

struct iolog_reader;

struct iolog_format {
	/*
	 * Returns true if LINE, the first one that is not empty, has this format. LINE is not
	 * changed.
	 */
	bool (*is)(const char *line);
	/*
	 * Parses a line, which it may change. Returns 0, -errno, or 1 if the log ends before this
	 * line.
	 */
	int (*line)(struct iolog_reader *r, char *line);
	uint64_t tick_ns; /* the unit of iolog_io.time_ns until the whole log is read */
	bool heading;	  /* the first line is only a header */
	bool timeless;	  /* the log has no times unless a line says otherwise */
};

/* All formats; one without functions follows the last. */
extern const struct iolog_format iolog_formats[];

struct iolog_reader {
	struct iolog *log;
	struct text text;
	const struct iolog_format *format;
	size_t room, max;
	uint64_t waited; /* fio's version 2: the sum of the wait actions so far */
	bool queued;	 /* blkparse: the log has Q events, so D events are ignored */
};

/* Adds an io from the current line. Returns 0 or -errno. */
int iolog_add(struct iolog_reader *r, struct iolog_io io);

/* Returns the stream that has KEY; a new stream gets the name NAME. */
uint8_t iolog_stream(struct iolog_reader *r, const char *key, const char *name);

/* Removes all ios and streams. */
void iolog_forget(struct iolog_reader *r);

#endif
