/* SPDX-License-Identifier: Apache-2.0 */
/*
 * acks.h - a log, outside the store, of the blocks whose puts the store has acknowledged. The
 * store must still have these blocks after this process was killed.
 *
 * The first line says what the file is. Then follows one line of the same length for each block,
 * with its key. Lines are appended with write(2), so they survive the process that wrote them. A
 * last line that is incomplete counts as absent. Logs of older versions have no such first line;
 * they are read and continued too.
 */
#ifndef ACKS_H
#define ACKS_H

#include <stddef.h>
#include <stdint.h>

/*
 * Opens the log at PATH for appending and creates it if it is missing. Returns a file descriptor
 * or -errno, with weir_error() set. -EINVAL means that the file is not such a log; it is left
 * unchanged.
 */
int acks_open(const char *path);

/* Appends N ids to the log FD. Returns 0 or -errno. Several threads may append to one log. */
int acks_append(int fd, const uint64_t *ids, size_t n);

/*
 * Reads the log at PATH. *IDS gets the ids, sorted and each once; the caller frees it. Returns 0,
 * -EINVAL (the file is not such a log, and weir_error() names the line; an empty file is not a
 * log), -ENOMEM, or an error of open() or read().
 */
int acks_read(const char *path, uint64_t **ids, size_t *n);

#endif
