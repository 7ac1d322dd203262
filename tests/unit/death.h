/* SPDX-License-Identifier: Apache-2.0 */
/*
 * death.h - runs a function in a child process that must end by a failed CHECK().
 */
#ifndef DEATH_H
#define DEATH_H

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define DEATH_SECONDS 60u

static inline void death_run(void (*fn)(void *arg), void *arg, int output)
{
	const struct rlimit none = { 0, 0 };

	signal(SIGALRM, SIG_DFL);
	signal(SIGABRT, SIG_DFL);
	setrlimit(RLIMIT_CORE, &none);
	alarm(DEATH_SECONDS);
	dup2(output, STDERR_FILENO);
	fn(arg);
	_exit(0);
}

/* FN(ARG) ends its process by abort(), and standard error then contains TEXT. */
static inline void death_expect(void (*fn)(void *arg), void *arg, const char *text)
{
	char said[1024];
	size_t length = 0;
	int ends[2], status;
	ssize_t n;
	pid_t pid;

	assert_int_equal(pipe(ends), 0);
	fflush(NULL);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid)
		death_run(fn, arg, ends[1]);
	close(ends[1]);
	while ((n = read(ends[0], said + length, sizeof(said) - 1 - length)) > 0)
		length += (size_t)n;
	said[length] = '\0';
	close(ends[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGABRT)
		fail_msg("the child ended with status 0x%x and said: %s", (unsigned)status, said);
	if (!strstr(said, text))
		fail_msg("the child said \"%s\", without \"%s\"", said, text);
}

#endif
