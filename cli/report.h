/* SPDX-License-Identifier: Apache-2.0 */
/*
 * report.h - messages and exit codes of the command. Errors and notes go to stderr and begin with
 * the name of the command; JSON goes to stdout. One thread at a time may call it.
 */
#ifndef REPORT_H
#define REPORT_H

#include <jansson.h>

enum report_exit {
	REPORT_OK = 0,
	REPORT_FAILED = 1,
	REPORT_USAGE = 2,
	REPORT_INTERRUPTED = 130, /* the shell's code for SIGINT: the output is incomplete */
};

/* Sets the name of the subcommand for messages. NAME must stay valid. */
void report_set_command(const char *name);

/* Switches errors and notes to JSON, one object a line: weir.error.v1 and weir.note.v1. */
void report_set_json(void);

/*
 * Makes stdout keep the reason of a failed write for a later report_finish(). Call it before
 * anything is printed; otherwise the reason may be lost.
 */
void report_watch_stdout(void);

/*
 * Returns TEXT, a name from outside, as JSON. Bytes that are not UTF-8 become '?', and a NULL
 * pointer becomes null. The caller gets a new reference, or NULL if memory ran out.
 */
json_t *report_text(const char *text);

/* Prints "weir put: ..." and how to get help. Returns REPORT_USAGE. */
int report_usage(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Prints "weir put: ...". Returns REPORT_FAILED. */
int report_error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/*
 * Prints "weir put: PATH: " and weir_error(), which need not contain PATH. Returns REPORT_FAILED.
 */
int report_failed(const char *path);

/* Prints "weir put: note: ...". */
void report_note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/*
 * Prints ROOT to stdout, on many lines or on one (ONE_LINE), and releases it. ROOT may be NULL if
 * it could not be made. Returns the exit code.
 */
int report_json(json_t *root, int one_line);

/* Flushes stdout. Returns EXIT_CODE; if a write failed, prints why and returns REPORT_FAILED. */
int report_finish(int exit_code);

#endif
