/* SPDX-License-Identifier: Apache-2.0 */
/*
 * temporary.c - removes temporary files when a signal ends the process.
 *
 * It owns the list of them, and the handlers from the first file on. A command that handles a
 * signal itself installs its handler later, or has done so: that one is left alone.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli/temporary.h"

#define TEMPORARY_MAX 8 /* no command writes so many files at the same time */

static const int temporary_signals[] = { SIGHUP, SIGINT, SIGQUIT, SIGPIPE, SIGTERM, SIGXCPU };

#define TEMPORARY_SIGNALS (sizeof(temporary_signals) / sizeof(temporary_signals[0]))

static const char *volatile temporary_path[TEMPORARY_MAX];

static void (*volatile temporary_before)(void);

void temporary_first(void (*first)(void))
{
	temporary_before = first;
}

void temporary_end(int sig)
{
	struct sigaction action = { .sa_handler = SIG_DFL };

	if (temporary_before)
		temporary_before();
	for (size_t n = 0; n < TEMPORARY_MAX; n++) {
		const char *path = temporary_path[n];

		if (path)
			unlink(path);
	}
	/* SIG is blocked until its handler returns. */
	sigaction(sig, &action, NULL);
	raise(sig);
}

static void temporary_catch(int sig)
{
	struct sigaction action = { .sa_handler = temporary_end };
	struct sigaction old;

	/* A signal that is ignored, as by nohup, or handled by the command, ends nothing. */
	if (!sigaction(sig, NULL, &old) && old.sa_handler == SIG_DFL)
		sigaction(sig, &action, NULL);
}

void temporary_note(const char *path)
{
	for (size_t n = 0; n < TEMPORARY_SIGNALS; n++)
		temporary_catch(temporary_signals[n]);
	for (size_t n = 0; n < TEMPORARY_MAX; n++) {
		if (temporary_path[n])
			continue;
		temporary_path[n] = path;
		return;
	}
}

int temporary_make(char *path)
{
	sigset_t ends, before;
	int fd, err;

	sigemptyset(&ends);
	for (size_t n = 0; n < TEMPORARY_SIGNALS; n++)
		sigaddset(&ends, temporary_signals[n]);
	/* Before it is made, the file has no name that could be noted. */
	pthread_sigmask(SIG_BLOCK, &ends, &before);
	fd = mkostemp(path, O_CLOEXEC);
	err = errno;
	if (fd >= 0)
		temporary_note(path);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	errno = err;
	return fd;
}

void temporary_forget(const char *path)
{
	for (size_t n = 0; n < TEMPORARY_MAX; n++)
		if (temporary_path[n] == path)
			temporary_path[n] = NULL;
}
