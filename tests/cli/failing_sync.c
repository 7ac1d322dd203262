/* SPDX-License-Identifier: Apache-2.0 */
/*
 * failing_sync.c - is loaded before the C library, and makes fdatasync() fail: the call with the
 * number in FAILING_SYNC, counted from 1, and all after it.
 */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

int fdatasync(int fd)
{
	static int calls;
	const char *from = getenv("FAILING_SYNC");

	if (from && __atomic_add_fetch(&calls, 1, __ATOMIC_RELAXED) >= atoi(from)) {
		errno = EIO;
		return -1;
	}
	return fsync(fd);
}
