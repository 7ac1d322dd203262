/* SPDX-License-Identifier: Apache-2.0 */
/*
 * overlap.h - finds out whether two names mean the same bytes. It compares the things and not the
 * names: links, /dev/fd/N, a loop device and its file, a partition and its disk, the two nodes of
 * an NVMe namespace, a mapped device and its parts, a file and the device below its filesystem.
 * Owns nothing; any thread may call it.
 *
 * The last one has a direction: who writes the device destroys the file, but who writes the file
 * changes only what the filesystem gave it. So a log on the root filesystem may be written by a
 * command that looks at the root drive.
 */
#ifndef OVERLAP_H
#define OVERLAP_H

#include <stdbool.h>
#include <sys/stat.h>

/*
 * Returns true if writing to the file or device WRITTEN would overwrite bytes of OTHER; both come
 * from stat() or fstat(). Terminals, pipes, sockets and the like never overlap.
 */
bool overlap_stats(const struct stat *written, const struct stat *other);

/* The same for two paths. One that does not exist overlaps nothing. */
bool overlap_paths(const char *written, const char *other);

#endif
