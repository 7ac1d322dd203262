/* SPDX-License-Identifier: Apache-2.0 */
/*
 * slow_writes.c - is loaded before the C library, and makes each pwritev2() take SLOW_WRITES ms
 * more. Its flags are dropped.
 */
#include <stdlib.h>
#include <sys/uio.h>
#include <unistd.h>

ssize_t pwritev2(int fd, const struct iovec *iov, int count, off_t at, int flags)
{
	const char *ms = getenv("SLOW_WRITES");

	(void)flags;
	if (ms)
		usleep((useconds_t)atoi(ms) * 1000);
	return pwritev(fd, iov, count, at);
}
