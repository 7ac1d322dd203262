/* SPDX-License-Identifier: Apache-2.0 */
/*
 * failing_write.c - is loaded before the C library, and makes one pwritev2() fail, as on a drive
 * that has a bad moment: the call with the number in FAILING_WRITE, counted from 1.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/uio.h>

ssize_t pwritev2(int fd, const struct iovec *iov, int count, off_t at, int flags)
{
	static int calls;
	const char *number = getenv("FAILING_WRITE");

	(void)flags;
	if (number && __atomic_add_fetch(&calls, 1, __ATOMIC_RELAXED) == atoi(number)) {
		errno = EIO;
		return -1;
	}
	return pwritev(fd, iov, count, at);
}
