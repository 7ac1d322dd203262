/* SPDX-License-Identifier: Apache-2.0 */
/*
 * progress.h - a line on the terminal that shows the progress of a replay. The thread that runs
 * the replay owns it. Clients may update it at any time, and one of them prints it.
 */
#ifndef PROGRESS_H
#define PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

/* The figures of the progress line. */
struct progress_state {
	uint64_t done, total; /* requests that have completed, and all of them */
	uint64_t blocks, hits;
	uint64_t bytes; /* bytes read and written */
};

struct progress {
	bool shown; /* stderr is a terminal */
	bool busy;  /* a thread is printing */
	uint64_t start_ns;
	uint64_t next_ns; /* the time of the next line */
};

/* Starts the display at NOW_NS. Nothing is shown if stderr is not a terminal. */
void progress_begin(struct progress *p, uint64_t now_ns);

/*
 * Returns true if a line is due at NOW_NS. The caller must then print it; until then no other
 * thread does.
 */
bool progress_due(struct progress *p, uint64_t now_ns);

/* Writes the line into TEXT of SIZE bytes. */
void progress_line(const struct progress *p, const struct progress_state *state, uint64_t now_ns,
		   char *text, size_t size);

/* Prints the line. progress_due() has told the caller to do it. */
void progress_show(struct progress *p, const struct progress_state *state, uint64_t now_ns);

/* Removes the line from the terminal. */
void progress_end(struct progress *p);

#endif
