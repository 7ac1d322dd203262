/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tracing.h - the options --trace and --trace-as, and the one trace that a command can have. One
 * thread.
 */
#ifndef CLI_TRACING_H
#define CLI_TRACING_H

#include <stddef.h>

#include <weir/trace.h>

#include "cli/options.h"

struct tracing {
	const char *path; /* NULL: there is no trace */
	const char *as;	  /* the name of a format, or NULL: by the name of the file */
};

/* Options for the member struct tracing AT in the struct of a command's arguments. */
#define TRACING_OPTIONS(at)                                                                        \
	{ .name = "trace",                                                                         \
	  .type = OPT_STRING,                                                                      \
	  .offset = (at) + offsetof(struct tracing, path),                                         \
	  .arg = "FILE",                                                                           \
	  .file = OPT_WRITES,                                                                      \
	  .help = "write what each io went through: run.pftrace\nfor ui.perfetto.dev, "            \
		  "run.blktrace.0 for\nblkparse and btt" },                                        \
	{                                                                                          \
		.name = "trace-as", .type = OPT_STRING,                                            \
		.offset = (at) + offsetof(struct tracing, as), .arg = "NAME",                      \
		.help = "the format of --trace: perfetto or blktrace\n(default: by the name of "   \
			"FILE)"                                                                    \
	}

/* Checks the options. Returns 0, or REPORT_USAGE after the error was printed. */
int tracing_check(const struct tracing *t);

/* Opens the trace that T asks for, if it is not open yet; *TRACE is NULL if T asks for none.
 * Returns 0, or -errno with weir_error() set. */
int tracing_begin(const struct tracing *t, struct weir_trace **trace);

/* Returns the trace that is open, or NULL. */
struct weir_trace *tracing_current(void);

/*
 * Writes the trace, if there is one, after all queues were closed. Returns EXIT_CODE; if that is 0
 * and the trace cannot be written, prints why and returns REPORT_FAILED. Prints a note if records
 * were lost.
 */
int tracing_end(int exit_code);

#endif
