/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bufpool.c - keeps free memory in a list for each power of two.
 *
 * New memory from the system costs a page fault for every 4 KiB, which takes longer than to copy
 * into it; so it is kept. One thread owns and uses a pool.
 */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/check.h"
#include "store/io/bufpool.h"

#define BUFPOOL_HUGE ((size_t)2 << 20) /* a huge page on x86-64, and on ARM with 4 KiB pages */

void bufpool_init(struct bufpool *p, size_t align)
{
	memset(p, 0, sizeof(*p));
	p->align = align > 4096 ? align : 4096;
	CHECK(!(p->align & (p->align - 1)));
}

static unsigned bufpool_class(size_t length)
{
	unsigned bits = length > 1 ? 64 - (unsigned)__builtin_clzll(length - 1) : 0;

	return bits <= BUFPOOL_MIN_SHIFT ? 0 : bits - BUFPOOL_MIN_SHIFT;
}

static size_t bufpool_bytes(unsigned class)
{
	return (size_t)1 << (class + BUFPOOL_MIN_SHIFT);
}

void bufpool_free(struct bufpool *p)
{
	unsigned n;

	for (n = 0; n < BUFPOOL_CLASSES; n++) {
		while (p->free[n]) {
			void *buf = p->free[n];

			memcpy(&p->free[n], buf, sizeof(void *));
			p->kept_bytes -= bufpool_bytes(n);
			free(buf);
		}
	}
	/* The lists held exactly what was counted. */
	CHECK(!p->kept_bytes);
}

/* Returns new memory. Where it has room for huge pages it should lie in them: each page that is not
 * beside the one before is a segment of its own in the drive's commands. */
static void *bufpool_new(size_t align, size_t length)
{
	bool huge = length >= BUFPOOL_HUGE;
	void *buf;

	if (posix_memalign(&buf, huge && align < BUFPOOL_HUGE ? BUFPOOL_HUGE : align, length))
		return NULL;
	/* It is only a wish: kernels without huge pages refuse it. */
	if (huge)
		(void)madvise(buf, length, MADV_HUGEPAGE);
	return buf;
}

void *bufpool_get(struct bufpool *p, size_t length)
{
	unsigned class = bufpool_class(length);
	void *buf;

	CHECK(p->align);
	if (class < BUFPOOL_CLASSES && p->free[class]) {
		buf = p->free[class];
		memcpy(&p->free[class], buf, sizeof(void *));
		CHECK(p->kept_bytes >= bufpool_bytes(class));
		p->kept_bytes -= bufpool_bytes(class);
		return buf;
	}
	if (class < BUFPOOL_CLASSES)
		length = bufpool_bytes(class);
	return bufpool_new(p->align, length);
}

void bufpool_put(struct bufpool *p, void *buf, size_t length)
{
	unsigned class = bufpool_class(length);

	if (!buf)
		return;
	CHECK(length && !((uintptr_t)buf % p->align));
	if (class >= BUFPOOL_CLASSES || p->kept_bytes + bufpool_bytes(class) > BUFPOOL_KEEP_BYTES) {
		free(buf);
		return;
	}
	memcpy(buf, &p->free[class], sizeof(void *));
	p->free[class] = buf;
	p->kept_bytes += bufpool_bytes(class);
}
