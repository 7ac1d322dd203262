/* SPDX-License-Identifier: Apache-2.0 */
/*
 * child.h - runs a function in a child process, for tests of what is inherited over fork(). The
 * child may not hang, and says what went wrong by itself.
 */
#ifndef CHILD_H
#define CHILD_H

#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include <weir/base.h>

#define CHILD_SECONDS 60u

/* True, with a skipped case, where a sanitizer ends each child that starts a thread. */
static inline bool child_skip_all(void)
{
#if defined(__SANITIZE_THREAD__)
	printf("1..1\nok 1 # SKIP ThreadSanitizer does not let children of threads start "
	       "threads\n");
	return true;
#else
	return false;
#endif
}

/* Unlike cmocka's, for a child: it ends it. */
#define CHILD_CHECK(what)                                                                          \
	do {                                                                                       \
		if (!(what)) {                                                                     \
			fprintf(stderr, "child, line %d: %s (%s)\n", __LINE__, #what,              \
				weir_error());                                                     \
			_exit(1);                                                                  \
		}                                                                                  \
	} while (0)

/* Ends a child that has memory of a thread of its parent, by exit(); but by _exit() where a
 * sanitizer would take that memory for a leak: the thread may have been about to free it. */
static inline void child_exit(void)
{
#if defined(__SANITIZE_ADDRESS__)
	_exit(0);
#else
	exit(0);
#endif
}

/* A child by fork(), or by the bare system call, of which no handler of fork() is told. */
static inline pid_t child_fork(bool bare)
{
	pid_t pid;

	fflush(NULL);
	pid = bare ? (pid_t)syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL) : fork();
	if (!pid) {
		signal(SIGALRM, SIG_DFL);
		alarm(CHILD_SECONDS);
	}
	return pid;
}

static inline void child_wait(pid_t pid, const char *what)
{
	int status;

	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM)
		fail_msg("%s: the child hangs", what);
	if (!WIFEXITED(status) || WEXITSTATUS(status))
		fail_msg("%s: the child ended with status 0x%x", what, (unsigned)status);
}

/* A child that lives until the parent lets it go; of several the last one goes first, as it has
 * inherited what holds the others. */
struct child_living {
	pid_t pid;
	int hold;
};

static inline struct child_living child_live(void)
{
	struct child_living child;
	int ends[2], lives[2];
	char byte;

	assert_int_equal(pipe(ends), 0);
	assert_int_equal(pipe(lives), 0);
	child.pid = child_fork(false);
	if (!child.pid) {
		close(ends[1]);
		(void)!write(lives[1], "", 1);
		(void)!read(ends[0], &byte, 1);
		_exit(0);
	}
	/* Until it has run its handlers of fork() it has the parent's descriptors. */
	assert_int_equal(read(lives[0], &byte, 1), 1);
	close(lives[0]);
	close(lives[1]);
	close(ends[0]);
	child.hold = ends[1];
	return child;
}

static inline void child_let_go(struct child_living child)
{
	close(child.hold);
	child_wait(child.pid, "a child that lived on");
}

#endif
