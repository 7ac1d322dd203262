/* SPDX-License-Identifier: Apache-2.0 */
/*
 * progress.h - one line on the terminal that says how far a replay is. It belongs to whoever runs
 * the replay; clients may update it at any time, and one of them prints.
 */
#ifndef PROGRESS_H
#define PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

/* How far it is. */
struct progress_state {
	uint64_t done, total; /* requests */
	uint64_t blocks, hits;
	uint64_t bytes; /* read and written */
};

struct progress {
	bool shown; /* stderr is a terminal */
	bool busy;  /* somebody prints */
	uint64_t start_ns;
	uint64_t next_ns; /* not again before */
};

/* Starts at NOW_NS; shows nothing where stderr is no terminal. */
void progress_begin(struct progress *p, uint64_t now_ns);

/* True if a line is due at NOW_NS; then the caller prints it, and nobody else meanwhile. */
bool progress_due(struct progress *p, uint64_t now_ns);

/* Writes the line into TEXT of SIZE bytes. */
void progress_line(const struct progress *p, const struct progress_state *state, uint64_t now_ns,
		   char *text, size_t size);

/* Prints the line; the caller was told that it is due. */
void progress_show(struct progress *p, const struct progress_state *state, uint64_t now_ns);

/* Takes the line off the terminal. */
void progress_end(struct progress *p);

#endif
