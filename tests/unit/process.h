/* SPDX-License-Identifier: Apache-2.0 */
/*
 * process.h - what a library has left on its process: threads with their signals, names and CPUs,
 * and open files. For tests; one thread at a time.
 */
#ifndef PROCESS_H
#define PROCESS_H

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define PROCESS_MAX 256u

/* Threads or descriptors that were there before the library came. */
struct process_ids {
	int id[PROCESS_MAX];
	unsigned n;
};

static inline void *process_nothing(void *arg)
{
	return arg;
}

/* A sanitizer starts a thread of its own with the program's first one; a group's set-up has it come
 * before the threads are listed. */
static inline int process_settle(void **state)
{
	pthread_t thread;

	(void)state;
	return pthread_create(&thread, NULL, process_nothing, NULL) || pthread_join(thread, NULL);
}

static inline void process_list(struct process_ids *ids, const char *path)
{
	const struct dirent *entry;
	DIR *dir = opendir(path);

	assert_non_null(dir);
	ids->n = 0;
	while ((entry = readdir(dir)))
		if (entry->d_name[0] != '.' && atoi(entry->d_name) != dirfd(dir)) {
			assert_true(ids->n < PROCESS_MAX);
			ids->id[ids->n++] = atoi(entry->d_name);
		}
	closedir(dir);
}

static inline bool process_had(const struct process_ids *ids, int id)
{
	for (unsigned i = 0; i < ids->n; i++)
		if (ids->id[i] == id)
			return true;
	return false;
}

/* The line of thread TID's status that begins with NAME, without it. */
static inline void process_status(int tid, const char *name, char *value, size_t size)
{
	char path[64], line[256];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/task/%d/status", tid);
	f = fopen(path, "re");
	assert_non_null(f);
	value[0] = '\0';
	while (fgets(line, sizeof(line), f))
		if (!strncmp(line, name, strlen(name)))
			snprintf(value, size, "%.*s", (int)strcspn(line + strlen(name), "\n"),
				 line + strlen(name));
	fclose(f);
}

/* Thread TID blocks each signal that can be blocked; 32 and 33 are the C library's own. */
static inline void process_check_signals(int tid)
{
	char value[64];
	uint64_t blocked;

	process_status(tid, "SigBlk:", value, sizeof(value));
	blocked = strtoull(value, NULL, 16);
	for (int sig = 1; sig <= 64; sig++)
		if (sig != 9 && sig != 19 && sig != 32 && sig != 33 &&
		    !(blocked & 1ull << (sig - 1)))
			fail_msg("thread %d does not block signal %d", tid, sig);
}

/*
 * Looks at the threads that came since BEFORE was listed: each blocks all signals, runs on the
 * CPUs of the process, and has a name of the library's. Returns how many there are whose name
 * begins with PREFIX. The kernel's own workers of a ring are nobody's business.
 */
static inline unsigned process_check_threads(const struct process_ids *before, const char *prefix)
{
	char name[64], of_process[256], of_thread[256];
	struct process_ids now;
	unsigned found = 0;

	process_list(&now, "/proc/self/task");
	process_status(getpid(), "Cpus_allowed_list:", of_process, sizeof(of_process));
	for (unsigned i = 0; i < now.n; i++) {
		if (process_had(before, now.id[i]))
			continue;
		process_status(now.id[i], "Name:\t", name, sizeof(name));
		if (!strncmp(name, "iou-", 4))
			continue;
		if (strncmp(name, "weir-", 5) != 0)
			fail_msg("a thread of the library is called %s", name);
		process_check_signals(now.id[i]);
		process_status(now.id[i], "Cpus_allowed_list:", of_thread, sizeof(of_thread));
		assert_string_equal(of_thread, of_process);
		found += !strncmp(name, prefix, strlen(prefix));
	}
	return found;
}

/* Each descriptor that came since BEFORE was listed closes on exec; returns how many. */
static inline unsigned process_check_files(const struct process_ids *before)
{
	struct process_ids now;
	unsigned found = 0;

	process_list(&now, "/proc/self/fd");
	for (unsigned i = 0; i < now.n; i++) {
		int flags = process_had(before, now.id[i]) ? -1 : fcntl(now.id[i], F_GETFD);

		if (flags < 0)
			continue;
		if (!(flags & FD_CLOEXEC))
			fail_msg("descriptor %d of the library survives exec", now.id[i]);
		found++;
	}
	return found;
}

#endif
