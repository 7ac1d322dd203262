/* SPDX-License-Identifier: Apache-2.0 */
/* line.h - the line on a terminal that says what a command is doing. Any thread. */
#ifndef CLI_LINE_H
#define CLI_LINE_H

/*
 * Replaces the line on standard error, a terminal, by words as of printf(). What does not fit into
 * its width is left out: a line that wraps could not be replaced.
 */
void line_show(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Removes the line. */
void line_clear(void);

#endif
