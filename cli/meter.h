/* SPDX-License-Identifier: Apache-2.0 */
/*
 * meter.h - a line on the terminal that shows how many bytes of a long task are done. The thread
 * that does the task owns it. Nothing is shown in the first second, or if stderr is no terminal.
 */
#ifndef METER_H
#define METER_H

#include <stdbool.h>
#include <stdint.h>

struct meter {
	const char *what; /* "fsck" */
	bool possible;	  /* stderr is a terminal */
	bool shown;	  /* a line is there */
	uint64_t start_ns, next_ns;
};

/* Begins a task. WHAT must stay valid. */
void meter_begin(struct meter *m, const char *what);
/* Writes the line for DONE of TOTAL bytes (0: not known) after so many ns into TEXT. */
void meter_line(const struct meter *m, uint64_t done, uint64_t total, uint64_t ns, char *text,
		size_t size);
/* Shows that DONE of TOTAL bytes are done, if it is time to. */
void meter_show(struct meter *m, uint64_t done, uint64_t total);
/* Removes the line; another one may come. Call it before anything else is printed. */
void meter_clear(struct meter *m);

#endif
