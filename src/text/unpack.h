/* SPDX-License-Identifier: Apache-2.0 */
/*
 * unpack.h - reads the bytes of a file, and unpacks them if their beginning says that the file is
 * packed with gzip or zstd. Memory is bounded: buffers, and a window of at most 128 MiB. One thread
 * for each file.
 */
#ifndef TEXT_UNPACK_H
#define TEXT_UNPACK_H

#include <stddef.h>
#include <stdio.h>

struct unpack;

/* Begins to read IN, which stays the caller's; nobody else may read from it. NAME, for messages,
 * stays the caller's too. Returns 0, or -ENOMEM with weir_error() set. */
int unpack_begin(struct unpack **u, FILE *in, const char *name);

/*
 * Reads up to SIZE bytes to BUF, and returns as soon as there are some. Returns their number (0:
 * the end), or -errno with weir_error() set: -EINVAL if the packed data is damaged, incomplete, or
 * needs too large a window.
 */
long unpack_read(struct unpack *u, void *buf, size_t size);

/* Frees U; NULL is allowed. */
void unpack_end(struct unpack *u);

#endif
