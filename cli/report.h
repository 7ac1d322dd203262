/* SPDX-License-Identifier: Apache-2.0 */
/*
 * report.h - what the command says and where: errors and notes to stderr with the name of the
 * command in front, JSON to stdout, and the exit code that goes with it. One thread says things
 * at a time.
 */
#ifndef REPORT_H
#define REPORT_H

#include <jansson.h>

enum report_exit {
	REPORT_OK = 0,
	REPORT_FAILED = 1,
	REPORT_USAGE = 2,
	REPORT_INTERRUPTED = 130, /* as a shell says of SIGINT: what was printed is not all */
};

/* Sets the subcommand that messages name. NAME must stay valid. */
void report_set_command(const char *name);

/* From now on errors and notes are JSON, an object a line: weir.error.v1 and weir.note.v1. */
void report_set_json(void);

/*
 * Has stdout keep why it could not be written, for report_finish(), which comes later. To be called
 * before anything is printed; without it the reason may be lost.
 */
void report_watch_stdout(void);

/*
 * TEXT as JSON, for names that came from outside: bytes that are no UTF-8 are told as '?'. NULL
 * gives null. A new reference, or NULL: out of memory.
 */
json_t *report_text(const char *text);

/* "weir put: ...", and where to look for help. Returns REPORT_USAGE. */
int report_usage(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* "weir put: ...". Returns REPORT_FAILED. */
int report_error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* "weir put: PATH: " and weir_error(), which need not name PATH itself. Returns REPORT_FAILED. */
int report_failed(const char *path);

/* "weir put: note: ..." */
void report_note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/*
 * Prints ROOT to stdout, on many lines or on ONE_LINE, and gives it back. ROOT may be NULL: its
 * making failed. Returns the exit code.
 */
int report_json(json_t *root, int one_line);

/* Flushes stdout; what could not be written turns CODE, which is returned, into a failure. */
int report_finish(int code);

#endif
