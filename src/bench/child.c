/* SPDX-License-Identifier: Apache-2.0 */
/* child.c - runs programs. See child.h. It owns the number of the one that runs. */
#include "bench/child.h"

#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"

#define CHILD_OUTPUT_MAX (64u << 20)

static volatile sig_atomic_t child_pid; /* 0: none is waited for */
static volatile sig_atomic_t child_stopped;

void bench_child_stop(void)
{
	child_stopped = 1;
	if (child_pid)
		kill(child_pid, SIGTERM);
}

void bench_child_end(void)
{
	if (child_pid)
		kill(child_pid, SIGKILL);
}

int bench_child_open(struct bench_child *c)
{
	c->in = memfd_create("weir-bench-in", MFD_CLOEXEC);
	c->out = memfd_create("weir-bench-out", MFD_CLOEXEC);
	c->err = memfd_create("weir-bench-err", MFD_CLOEXEC);
	return c->in < 0 || c->out < 0 || c->err < 0 ? error_sys(-errno, "files in memory") : 0;
}

void bench_child_close(struct bench_child *c)
{
	int *const fds[] = { &c->in, &c->out, &c->err };

	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++) {
		if (*fds[i] >= 0)
			close(*fds[i]);
		*fds[i] = -1;
	}
}

/* Starts it. Its memory lies in huge pages, as weir's does. */
static int child_start(const struct bench_child *c, const char *name, char *const argv[],
		       pid_t *pid)
{
	posix_spawn_file_actions_t files;
	int err;

	setenv("GLIBC_TUNABLES", "glibc.malloc.hugetlb=1", 0);
	err = posix_spawn_file_actions_init(&files);
	if (err)
		return error_sys(-err, "%s", name);
	err = posix_spawn_file_actions_adddup2(&files, c->in, STDIN_FILENO);
	if (!err)
		err = posix_spawn_file_actions_adddup2(&files, c->out, STDOUT_FILENO);
	if (!err)
		err = posix_spawn_file_actions_adddup2(&files, c->err, STDERR_FILENO);
	if (!err)
		err = posix_spawnp(pid, argv[0], &files, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&files);
	if (err == ENOENT)
		return error_set(-ENOENT, "%s is not installed", name);
	return err ? error_sys(-err, "%s cannot be started", name) : 0;
}

/* Reads the file FD from its beginning. */
static char *child_read(int fd, size_t *length)
{
	off_t end = lseek(fd, 0, SEEK_END);
	size_t room = end < 0 || end > CHILD_OUTPUT_MAX ? 0 : (size_t)end;
	char *text = calloc(room + 1, 1);
	ssize_t got = text ? pread(fd, text, room, 0) : -1;

	*length = got < 0 ? 0 : (size_t)got;
	return text;
}

char *bench_child_text(const struct bench_child *c, size_t *length)
{
	return child_read(c->out, length);
}

static int child_failed(const struct bench_child *c, const char *name, int status)
{
	size_t length, out_length;
	char *text = child_read(c->err, &length), *out = child_read(c->out, &out_length);
	const char *said = text && length ? text : out ? out : "";

	error_set(-EIO, "%s failed (%s %d): %.*s", name, WIFEXITED(status) ? "exit code" : "signal",
		  WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status),
		  (int)strcspn(said, "\n"), said);
	free(text);
	free(out);
	return -EIO;
}

int bench_child_run(const struct bench_child *c, const char *name, char *const argv[])
{
	pid_t pid = -1, ended;
	int status = 0, err = child_start(c, name, argv, &pid);

	if (err)
		return err;
	child_pid = pid;
	if (child_stopped) /* the signal came before its number was known */
		kill(pid, SIGTERM);
	while ((ended = waitpid(pid, &status, 0)) < 0 && errno == EINTR)
		;
	child_pid = 0;
	if (ended < 0)
		return error_sys(-errno, "%s", name);
	return WIFEXITED(status) && !WEXITSTATUS(status) ? 0 : child_failed(c, name, status);
}
