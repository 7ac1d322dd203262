/* SPDX-License-Identifier: Apache-2.0 */
/*
 * unpack.h - the bytes of a file, unpacked if it is packed with gzip or zstd, which its first bytes
 * tell. Memory is bounded: buffers, and a window of 128 MiB at most. One thread for each.
 */
#ifndef TEXT_UNPACK_H
#define TEXT_UNPACK_H

#include <stddef.h>
#include <stdio.h>

struct unpack;

/* Begins with IN, which stays the caller's and is read by nobody else from now on. NAME, for
 * messages, stays the caller's too. 0 or -ENOMEM with weir_error() set. */
int unpack_begin(struct unpack **u, FILE *in, const char *name);

/*
 * Reads up to SIZE bytes to BUF; returns as soon as there are some. Their number (0: the end), or
 * -errno with weir_error() set: -EINVAL where packed data are damaged, cut off, or need too large a
 * window.
 */
long unpack_read(struct unpack *u, void *buf, size_t size);

/* Frees U; NULL is allowed. */
void unpack_end(struct unpack *u);

#endif
