/* SPDX-License-Identifier: Apache-2.0 */
/*
 * child.h - runs another program and takes what it prints, so that its figures stand beside weir's.
 * The caller owns a struct; one thread, and one program at a time.
 */
#ifndef BENCH_CHILD_H
#define BENCH_CHILD_H

#include <stddef.h>

/* What the program reads and prints: files in memory, so that a pipe that is full cannot stop it.
 * -1: not open. */
struct bench_child {
	int in, out, err;
};

/* Opens C. Returns 0 or -errno with weir_error() set. bench_child_close() in any case. */
int bench_child_open(struct bench_child *c);

/*
 * Runs ARGV, whose first word PATH in the environment finds, on the files of C, and waits for its
 * end. Messages call it NAME. Returns 0, or -errno with weir_error() set: -ENOENT: it is not
 * installed; -EIO: it failed, and weir_error() has the first line that it printed.
 */
int bench_child_run(const struct bench_child *c, const char *name, char *const argv[]);

/* Returns what it printed, which the caller frees; NULL: out of memory. *LENGTH gets its length. */
char *bench_child_text(const struct bench_child *c, size_t *length);

void bench_child_close(struct bench_child *c);

/*
 * Asks the program that bench_child_run() waits for to end, and each one that is started later: the
 * bench is to end, too. A signal handler may call it.
 */
void bench_child_stop(void);

/* Kills the program that bench_child_run() waits for, if there is one. A signal handler may call
 * it. */
void bench_child_end(void);

#endif
