/* SPDX-License-Identifier: Apache-2.0 */
/*
 * open.c - opens a text, and avoids the traps of some kinds of files. See text.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "text/text.h"

#define TEXT_WRITER_MS 5000

const char *text_name(const char *path)
{
	return strcmp(path, "-") ? path : "standard input";
}

/* Returns true if nobody has opened the empty pipe FD for writing. It looks with tee(), which takes
 * nothing out of the pipe. */
static bool text_has_no_writer(int fd)
{
	int pipe[2];
	ssize_t n;

	if (pipe2(pipe, O_CLOEXEC))
		return false;
	n = tee(fd, pipe[1], 1, SPLICE_F_NONBLOCK);
	close(pipe[0]);
	close(pipe[1]);
	return n == 0;
}

/*
 * Waits until somebody writes to the named pipe FD. Opening a pipe would wait for ever if nobody
 * writes. So FD was opened without waiting: it becomes readable, or reports a hang-up, when a
 * writer has come. A slow writer is waited for, as at standard input.
 */
static int text_await_writer(int fd, const char *path)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };
	int err;

	do {
		err = poll(&pfd, 1, TEXT_WRITER_MS);
	} while (err < 0 && errno == EINTR);
	if (err < 0)
		return error_sys(-errno, "%s", path);
	if (!err && text_has_no_writer(fd))
		return error_set(-ETIMEDOUT,
				 "%s: a pipe that nobody opened for writing within %d seconds",
				 path, TEXT_WRITER_MS / 1000);
	return 0;
}

static int text_check_kind(int fd, const char *path)
{
	struct stat st;
	int flags;

	if (fstat(fd, &st) < 0)
		return error_sys(-errno, "%s", path);
	if (S_ISDIR(st.st_mode))
		return error_sys(-EISDIR, "%s: cannot be read", path);
	if (S_ISFIFO(st.st_mode)) {
		int err = text_await_writer(fd, path);

		if (err)
			return err;
	}
	flags = fcntl(fd, F_GETFL);
	if (flags < 0 || fcntl(fd, F_SETFL, flags & ~O_NONBLOCK) < 0)
		return error_sys(-errno, "%s", path);
	return 0;
}

FILE *text_open(const char *path)
{
	FILE *in = NULL;
	int fd, err;

	if (!strcmp(path, "-"))
		return stdin;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0) {
		(void)error_sys(-errno, "%s", path);
		return NULL;
	}
	err = text_check_kind(fd, path);
	if (!err) {
		in = fdopen(fd, "r");
		err = in ? 0 : error_sys(-errno, "%s", path);
	}
	if (err) {
		close(fd);
		errno = -err;
	}
	return in;
}

void text_close(FILE *in)
{
	if (in && in != stdin)
		fclose(in);
}
