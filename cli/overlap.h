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

/*
 * True if writing to the file A would change the file B, or the other way round. Terminals, pipes,
 * sockets and the like never overlap anything, and neither does a path without a file.
 */
bool overlap_paths(const char *a, const char *b);

/* Compares as overlap_paths() does: the open file FD with a path ("-": standard input). */
bool overlap_fd(int fd, const char *path);

#endif
