/* SPDX-License-Identifier: Apache-2.0 */
/*
 * opts.h - moves sized structs across the API, between programs and libraries of different age.
 *
 * Such a struct begins with a size_t, its size as its owner knows it.
 */
#ifndef OPTS_H
#define OPTS_H

#include <stddef.h>

/*
 * Takes options from a caller: DST (DST_SIZE bytes, holding the defaults) gets the fields that
 * SRC (SRC_SIZE bytes, what its size field says) knows; later ones keep their defaults. SRC may
 * be NULL: nothing changes. 0, or -EINVAL: SRC_SIZE is 0 (the _INIT initialiser was not used),
 * or SRC sets a field that this library is too old for. To be called as
 * `opts_copy(&opts, sizeof(opts), user, user ? user->size : 0)`.
 */
int opts_copy(void *dst, size_t dst_size, const void *src, size_t src_size);

/*
 * Gives facts to a caller: as much of SRC (SRC_SIZE bytes) as fits DST (DST_SIZE bytes, what its
 * size field says). DST's size field becomes the number of bytes that are valid. 0, or -EINVAL:
 * DST_SIZE is too small to be true.
 */
int opts_give(void *dst, size_t dst_size, const void *src, size_t src_size);

#endif
