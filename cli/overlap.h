/* SPDX-License-Identifier: Apache-2.0 */
/*
 * overlap.h - do two names mean the same bytes? By what they are, not by how they are written:
 * links, /dev/fd/N, a loop device and its file, a partition and its disk, the two nodes of an
 * NVMe namespace, a mapped device and what it is made of, a file and the device below its
 * filesystem. Owns nothing; any thread.
 */
#ifndef OVERLAP_H
#define OVERLAP_H

#include <stdbool.h>
#include <sys/stat.h>

/*
 * True if writing to what A describes would change what B describes, or the other way round. Both
 * are from stat() or fstat(). Terminals, pipes, sockets and the like never overlap anything.
 */
bool overlap_stats(const struct stat *a, const struct stat *b);

/* As overlap_stats(), for paths. What is not there overlaps nothing. */
bool overlap_paths(const char *a, const char *b);

/* As overlap_stats(), for the open file FD and a path ("-": standard input). */
bool overlap_fd(int fd, const char *path);

#endif
