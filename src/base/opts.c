/* SPDX-License-Identifier: Apache-2.0 */
/*
 * opts.c - copies structs with a size field across the API. Owns nothing; any thread.
 */
#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "base/error.h"
#include "base/opts.h"

/* Returns true if the part of a newer struct that this library does not know is unused. */
static int opts_tail_is_zero(const void *src, size_t from, size_t to)
{
	const unsigned char *bytes = src;

	for (size_t i = from; i < to; i++)
		if (bytes[i])
			return 0;
	return 1;
}

static int opts_bad_size(size_t size)
{
	return error_set(-EINVAL,
			 "a struct says that its size is %zu bytes: start from its _INIT "
			 "initialiser",
			 size);
}

int opts_copy(void *dst, size_t dst_size, const void *src, size_t src_size)
{
	size_t n = src_size < dst_size ? src_size : dst_size;

	if (!src)
		return 0;
	if (src_size < sizeof(size_t))
		return opts_bad_size(src_size);
	if (!opts_tail_is_zero(src, n, src_size))
		return error_set(-EINVAL,
				 "an option is set that weir %s does not have: the program needs "
				 "a newer library",
				 weir_version());
	memcpy(dst, src, n);
	memcpy(dst, &dst_size, sizeof(dst_size));
	return 0;
}

int opts_give(void *dst, size_t dst_size, const void *src, size_t src_size)
{
	size_t n = src_size < dst_size ? src_size : dst_size;

	if (!dst)
		return error_set(-EINVAL, "NULL: the call needs a struct to fill in");
	if (dst_size < sizeof(size_t))
		return opts_bad_size(dst_size);
	memcpy(dst, src, n);
	memcpy(dst, &n, sizeof(n));
	return 0;
}
