/* SPDX-License-Identifier: Apache-2.0 */
/*
 * failing_sync.c - is loaded before the C library, and makes fdatasync() fail: the call with the
 * number in FAILING_SYNC, counted from 1, and all after it. A failing call takes a while, as one on
 * a dying drive does. So a write under way beside it ends first, and its put is answered.
 */
#include <errno.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

int fdatasync(int fd)
{
	static const struct timespec a_while = { .tv_nsec = 100 * 1000 * 1000 };
	static int calls;
	const char *from = getenv("FAILING_SYNC");

	if (from && __atomic_add_fetch(&calls, 1, __ATOMIC_RELAXED) >= atoi(from)) {
		nanosleep(&a_while, NULL);
		errno = EIO;
		return -1;
	}
	return fsync(fd);
}
