/* SPDX-License-Identifier: Apache-2.0 */
/*
 * command.c - runs a subcommand with any words, on a small store in a folder of its own.
 *
 * The input is the words, each with a zero byte behind it. Each runs in a child, as a command may
 * end the process: it must exit with 0, 1 or 2. Words that lead out of the folder are left out. A
 * command that waits, or goes on for long, as it was told to, is ended.
 */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/report.h"
#include "fuzz.h"

#define COMMAND_WORDS 12
#define COMMAND_SECONDS 2u
#define COMMAND_FILE_MAX (32u << 20) /* no command makes a longer file */
#define COMMAND_STORE_BYTES (5u << 20)

static char folder[] = "/tmp/weir-fuzz-XXXXXX";
static uint8_t store[COMMAND_STORE_BYTES];

/* A child whose memory is wrong ends by a signal, not by an exit code that a command has. */
const char *__asan_default_options(void);
const char *__ubsan_default_options(void);

const char *__asan_default_options(void)
{
	return "abort_on_error=1";
}

const char *__ubsan_default_options(void)
{
	return "abort_on_error=1";
}

static int command_remove(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st;
	(void)type;
	return at->level ? remove(path) : 0;
}

static void command_clean(void)
{
	nftw(folder, command_remove, 8, FTW_DEPTH | FTW_PHYS);
}

static void command_end(void)
{
	command_clean();
	rmdir(folder);
}

/* Runs the words, and ends the process. */
static void command_child(int argc, char **argv)
{
	const struct rlimit longest = { COMMAND_FILE_MAX, COMMAND_FILE_MAX };
	const struct command *cmd = command_find(argv[0]);
	int nowhere = open("/dev/null", O_RDWR);

	if (!cmd || nowhere < 0 || chdir(folder) < 0)
		_exit(REPORT_USAGE);
	setrlimit(RLIMIT_FSIZE, &longest);
	signal(SIGXFSZ, SIG_IGN);
	signal(SIGALRM, SIG_DFL);
	alarm(COMMAND_SECONDS);
	for (int fd = 0; fd < 3; fd++)
		dup2(nowhere, fd);
	for (int n = 1; n < argc; n++)
		if (!strcmp(argv[n], "--json"))
			report_set_json();
	_exit(command_run(cmd, argc, argv));
}

static void command_try(int argc, char **argv)
{
	int status;
	pid_t waited, pid = fork();

	FUZZ_CHECK(pid >= 0);
	if (!pid)
		command_child(argc, argv);
	/* libFuzzer's timer interrupts the wait. */
	while ((waited = waitpid(pid, &status, 0)) < 0 && errno == EINTR)
		;
	FUZZ_CHECK(waited == pid);
	if (WIFSIGNALED(status))
		FUZZ_CHECK(WTERMSIG(status) == SIGALRM);
	else
		FUZZ_CHECK(WIFEXITED(status) && WEXITSTATUS(status) <= REPORT_USAGE);
}

/* The store in the folder is STORE, or becomes it. */
static void command_store(int flags)
{
	char path[sizeof(folder) + 8];
	size_t done;
	int fd;

	snprintf(path, sizeof(path), "%s/s", folder);
	fd = open(path, flags, 0600);
	FUZZ_CHECK(fd >= 0);
	if (flags == O_RDONLY)
		done = (size_t)pread(fd, store, sizeof(store), 0);
	else
		done = (size_t)pwrite(fd, store, sizeof(store), 0);
	FUZZ_CHECK(done == sizeof(store));
	close(fd);
}

static void command_begin(void)
{
	char words[4][8] = { "format", "s", "--size", "5m" };
	char *argv[] = { words[0], words[1], words[2], words[3], NULL };

	FUZZ_CHECK(mkdtemp(folder));
	atexit(command_end);
	command_try(4, argv);
	command_store(O_RDONLY);
}

/* Returns true if WORD may name a file that is not in the folder. */
static int command_leads_out(const char *word)
{
	return strchr(word, '/') || strstr(word, "..");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static int begun;
	char *argv[COMMAND_WORDS + 1] = { NULL }, *copy = calloc(1, size + 1);
	int argc = 0;

	FUZZ_CHECK(copy);
	if (!begun++)
		command_begin();
	memcpy(copy, data, size);
	for (size_t at = 0; at < size && argc < COMMAND_WORDS; at += strlen(copy + at) + 1)
		if (!command_leads_out(copy + at))
			argv[argc++] = copy + at;
	command_clean();
	command_store(O_RDWR | O_CREAT);
	if (argc)
		command_try(argc, argv);
	free(copy);
	return 0;
}
