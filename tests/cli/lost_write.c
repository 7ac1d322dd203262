/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lost_write.c - is loaded before the C library, and makes a write fail of a stream that fdopen()
 * opens: the one with the number in LOST_WRITE, counted from 1 over all of them. Those after it go
 * well, as on a full disk where room was made meanwhile. stdio drops what it could not write.
 */
#include <dlfcn.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static int lost_fd(void *cookie)
{
	return (int)(intptr_t)cookie;
}

static ssize_t lost_write(void *cookie, const char *bytes, size_t length)
{
	static int calls;
	const char *number = getenv("LOST_WRITE");

	if (number && ++calls == atoi(number)) {
		errno = ENOSPC;
		return 0;
	}
	return write(lost_fd(cookie), bytes, length);
}

static int lost_seek(void *cookie, off64_t *at, int whence)
{
	*at = lseek64(lost_fd(cookie), *at, whence);
	return *at < 0 ? -1 : 0;
}

static int lost_close(void *cookie)
{
	return close(lost_fd(cookie));
}

FILE *fdopen(int fd, const char *mode)
{
	const cookie_io_functions_t functions = { .write = lost_write,
						  .seek = lost_seek,
						  .close = lost_close };

	FILE *(*original)(int, const char *);

	*(void **)&original = dlsym(RTLD_NEXT, "fdopen");
	return *mode == 'w' ? fopencookie((void *)(intptr_t)fd, mode, functions)
			    : original(fd, mode);
}
