/* SPDX-License-Identifier: Apache-2.0 */
/* alloc.c - see alloc.h. One thread. */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#include "alloc.h"

static struct {
	unsigned skip, times;
	uint64_t failed;
} alloc;

uint64_t alloc_fail(unsigned skip, unsigned times)
{
	uint64_t failed = alloc.failed;

	alloc.skip = skip;
	alloc.times = times;
	alloc.failed = 0;
	return failed;
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *old, size_t size);
void *__libc_memalign(size_t alignment, size_t size);

static bool alloc_fails(void)
{
	if (!alloc.times)
		return false;
	if (alloc.skip) {
		alloc.skip--;
		return false;
	}
	alloc.times--;
	alloc.failed++;
	errno = ENOMEM;
	return true;
}

void *malloc(size_t size)
{
	return alloc_fails() ? NULL : __libc_malloc(size);
}

void *calloc(size_t n, size_t size)
{
	return alloc_fails() ? NULL : __libc_calloc(n, size);
}

void *realloc(void *old, size_t size)
{
	return alloc_fails() ? NULL : __libc_realloc(old, size);
}

int posix_memalign(void **to, size_t alignment, size_t size)
{
	void *memory = alloc_fails() ? NULL : __libc_memalign(alignment, size);

	if (!memory)
		return ENOMEM;
	*to = memory;
	return 0;
}

void *aligned_alloc(size_t alignment, size_t size)
{
	return alloc_fails() ? NULL : __libc_memalign(alignment, size);
}

#endif
