/* SPDX-License-Identifier: Apache-2.0 */
/*
 * apart.h - keeps the files of a command apart: what it writes is neither what it reads nor another
 * of its outputs, by whatever names. One thread.
 *
 * Each command is checked before it runs, by what its options say of their values (enum opt_file)
 * and by which operands name files. A command whose files are known only later, or have names that
 * it makes itself, calls apart_check() before it writes anything.
 */
#ifndef APART_H
#define APART_H

#include <stddef.h>

#include "cli/command.h"

/* A file, or a device, of a command. */
struct apart_file {
	const char *name; /* what messages call it: "--output", "the log" */
	const char *path; /* "-": standard input or output; NULL: there is none */
	enum opt_file use;
};

/*
 * Refuses FILES in which one that is written is also read, or is written twice, or is what standard
 * output or standard error is redirected to. Names that lead to one file count as the same (links,
 * /dev/fd/3, a loop device and its file), and so does one name where there is no file yet. Returns
 * 0, or REPORT_USAGE after the error was printed; if standard error itself is such a file, the
 * error goes to standard output.
 */
int apart_check(const struct apart_file *files, size_t n);

/* Does that for CMD with the values in ARGS, the struct of its arguments, and N operands. */
int apart_check_command(const struct command *cmd, const void *args, char **operands, int n);

/* Does that for one file that is read ("-": standard input). */
int apart_check_input(const char *path);

#endif
