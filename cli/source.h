/* SPDX-License-Identifier: Apache-2.0 */
/*
 * source.h - a store that a command looks at: opened here for reading, or open in another process,
 * which is asked on its control socket. The answers are the same. One thread owns a source.
 */
#ifndef CLI_SOURCE_H
#define CLI_SOURCE_H

#include <stdbool.h>

#include <weir/metrics.h>
#include <weir/tenant.h>

#include "cli/opening.h"
#include "control/client.h"

#define SOURCE_STRINGS 3
#define SOURCE_STRING_BYTES 512

struct source {
	struct weir_store *s; /* NULL: another process has it open */
	struct control_client owner;
	const char *path;
	bool queue;	     /* what the other process has open is a queue without a store */
	uint64_t timeout_ns; /* for a part of an answer */
	char *buf;	     /* a part of an answer, of CONTROL_DATA_MAX bytes */
	/* Of info, of queue, and of the device that was asked for last. */
	char strings[3][SOURCE_STRINGS][SOURCE_STRING_BYTES];
};

/*
 * Opens the store at PATH for reading as O says. If another process has it open for writing, that
 * process is asked. Returns 0, or an exit code after the error was printed.
 */
int source_open(struct source *src, const char *path, const struct opening *o);

/*
 * As source_open(), but only if another process has the store open for writing, or a queue that may
 * be watched: nothing is opened or locked here. Of a queue, source_queue() and source_load() may be
 * asked.
 */
int source_open_other(struct source *src, const char *path, const struct opening *o);

/*
 * Looks once for a process that has a store or a queue on the path of SRC open, after another one
 * has closed it: counters begin anew. It may be another store than before. SRC comes from
 * source_open_other(). It locks nothing, so that it is in nobody's way who is about to open it.
 * Returns 0, or -errno with weir_error() set; then it may be called again.
 */
int source_again(struct source *src, const struct opening *o);

/* Asks the process that has the store at PATH open, as weir_error() says (-EBUSY). Returns what
 * source_open() returns. */
int source_open_busy(struct source *src, const char *path, const struct opening *o);

/* Closes SRC. Returns EXIT_CODE, but if that is 0 and closing fails, it prints the error and
 * returns REPORT_FAILED. */
int source_close(struct source *src, int exit_code);

/* Returns the number of the process that has the store open, or 0 if that is this one. */
int source_pid(const struct source *src);

/*
 * These do what the functions of the store with similar names do. Strings are valid until SRC is
 * closed.
 */
int source_info(struct source *src, struct weir_store_info *info);
int source_stats(struct source *src, struct weir_store_stats *stats);
int source_queue(struct source *src, struct weir_queue_info *info);
int source_stream(struct source *src, uint32_t stream, struct weir_store_stream *info);
int source_tenant(struct source *src, uint32_t n, struct weir_store_tenant *info);
/* The strings of DEVICE are valid until the next call. */
int source_device(struct source *src, uint32_t n, struct weir_store_device *device);
int source_device_stats(struct source *src, uint32_t n, struct weir_store_stats *stats);
int source_why(struct source *src, const void *key, uint32_t key_len, struct weir_store_why *why);
/* *TEXT is the caller's, who frees it with free(). FORMAT is an enum weir_metrics_format. */
int source_metrics(struct source *src, uint32_t format, char **text, size_t *length);
/* What was done, as docs/control.md has the lines; *TEXT as above. Of another process only. */
int source_load(struct source *src, char **text, size_t *length);
/* COUNTS say which keys are missing, also if it fails. */
int source_list(struct source *src, const struct weir_list_opts *opts,
		int (*fn)(const struct weir_store_entry *entry, void *user), void *user,
		struct weir_store_list_counts *counts);

/*
 * Gets the value of KEY and hands it to FN in one or more parts; nothing is kept of a part. FN
 * returns 0 to go on; any other value ends it and is returned. Returns 0, or -errno with
 * weir_error() set.
 */
int source_get(struct source *src, const void *key, uint32_t key_len,
	       int (*fn)(const void *data, size_t length, void *user), void *user);

#endif
