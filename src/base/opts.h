/* SPDX-License-Identifier: Apache-2.0 */
/*
 * opts.h - copies structs with a size field across the API, between programs and libraries of
 * different age.
 *
 * Such a struct begins with a size_t: its size as the side that fills it in knows it.
 */
#ifndef OPTS_H
#define OPTS_H

#include <stddef.h>

/*
 * Takes options from a caller. DST (DST_SIZE bytes) holds the defaults. It gets the fields that SRC
 * has (SRC_SIZE bytes, from its size field); later fields keep their defaults. If SRC is NULL
 * nothing changes. Returns 0, or -EINVAL if SRC_SIZE is 0 (the _INIT initialiser was not used) or
 * if SRC sets a field that this library is too old for. Call it as `opts_copy(&opts, sizeof(opts),
 * user, user ? user->size : 0)`.
 */
int opts_copy(void *dst, size_t dst_size, const void *src, size_t src_size);

/* Returns the size that struct *P says it has; 0 if P is NULL. */
#define OPTS_SIZE(p) ((p) ? (p)->size : 0)

/*
 * Gives facts to a caller: copies as much of SRC (SRC_SIZE bytes) as fits into DST (DST_SIZE bytes,
 * from its size field: OPTS_SIZE()). The size field of DST becomes the number of valid bytes.
 * Returns 0, or -EINVAL if DST is NULL or DST_SIZE is too small to be true.
 */
int opts_give(void *dst, size_t dst_size, const void *src, size_t src_size);

#endif
