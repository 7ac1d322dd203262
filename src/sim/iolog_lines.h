/* SPDX-License-Identifier: Apache-2.0 */
/*
 * iolog_lines.h - the seam between the reader of logs and their formats. One thread.
 */
#ifndef SIM_IOLOG_LINES_H
#define SIM_IOLOG_LINES_H

#include "sim/iolog.h"
#include "text/text.h"

struct iolog_reader;

struct iolog_format {
	/* LINE, the first that is not empty, is of this format; it is not changed. */
	bool (*is)(const char *line);
	/* Takes a line, which it may change. 0; 1: what follows is no log any more; -errno. */
	int (*line)(struct iolog_reader *r, char *line);
	uint64_t tick_ns; /* the unit of iolog_io.time_ns until all is read */
	bool heading;	  /* the first line is only a heading */
	bool timeless;	  /* unless a line says so, it has no times */
};

/* The formats there are; ended by one without functions. */
extern const struct iolog_format iolog_formats[];

struct iolog_reader {
	struct iolog *log;
	struct text text;
	const struct iolog_format *format;
	size_t room, max;
	uint64_t waited; /* fio's version 2: by wait actions, until here */
	bool queued;	 /* blkparse: there are Q events, so D events do not count */
};

/* Adds an io, whose line is the one that is read. 0 or -errno. */
int iolog_add(struct iolog_reader *r, struct iolog_io io);

/* Which stream has KEY; where it is new, it is called NAME. */
uint8_t iolog_stream(struct iolog_reader *r, const char *key, const char *name);

/* Forgets all ios and streams. */
void iolog_forget(struct iolog_reader *r);

#endif
