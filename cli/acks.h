/* SPDX-License-Identifier: Apache-2.0 */
/*
 * acks.h - a log, outside the store, of the blocks that the store has acknowledged: what it must
 * still have after this process was killed.
 *
 * A first line that says what it is, then one of the same length for each block, its key; appended
 * with write(2), so that it survives the process that wrote it. A last line that is cut off counts
 * as not there. Logs without the first line, which older versions wrote, are read and gone on with.
 */
#ifndef ACKS_H
#define ACKS_H

#include <stddef.h>
#include <stdint.h>

/* Opens the log at PATH for appending, made if missing. Returns a file descriptor or -errno, with
 * weir_error() set; -EINVAL: there is something that is no such log, and it stays as it is. */
int acks_open(const char *path);

/* Appends N ids to the log FD. 0 or -errno. Several threads may append to one log. */
int acks_append(int fd, const uint64_t *ids, size_t n);

/* Reads the log at PATH: *IDS is sorted, without repetition, and to be freed. 0, -EINVAL (not such
 * a log: weir_error() names the line; an empty file is none), -ENOMEM or what open and read say. */
int acks_read(const char *path, uint64_t **ids, size_t *n);

#endif
