/* SPDX-License-Identifier: Apache-2.0 */
/*
 * output.h - files that commands write. An output is never one of the inputs. A file is replaced
 * only after the new one is complete. Whoever opened an output owns it; one thread.
 *
 * A command first calls output_check() for each output that it was given, then opens it.
 */
#ifndef OUTPUT_H
#define OUTPUT_H

#include <stdio.h>

struct output {
	FILE *file; /* the stream to write to */
	const char *path;
	char *target;	 /* the file that will be replaced or created; NULL: FILE writes directly */
	char *temporary; /* the file that is written until then, in the same folder */
	int replaces;	 /* a file exists at TARGET */
};

/*
 * Refuses PATH, the value of OPTION ("--output"), if it is one of the N INPUTS or overlaps one on
 * its device. An input may be NULL, "-" for standard input, or absent. PATH "-" is standard
 * output. Returns 0, or an exit code after the error was printed.
 */
int output_check(const char *option, const char *path, const char *const *inputs, size_t n);

/*
 * Checks in the same way that INPUT ("-": standard input) is not the file to which standard output
 * or standard error is redirected. Returns 0 or an exit code; the error goes to the one of the two
 * that is not INPUT.
 */
int output_check_standard(const char *input);

/*
 * Opens PATH for writing, "-" for standard output. If PATH is a regular file or does not exist,
 * the bytes go to a temporary file beside it (links are followed first). A device, a pipe, and an
 * open file such as /dev/fd/3 are written directly. Returns 0 or -errno, with weir_error() set.
 */
int output_open(struct output *o, const char *path);

/*
 * Closes O and puts the new file in its place. The file gets the mode of the file that it
 * replaces, or else 0666 as limited by umask. A file that replaces another one is first synced to
 * the disk. Returns 0, or -errno with weir_error() set; after an error the old file is unchanged,
 * unless O was written directly.
 */
int output_close(struct output *o);

/* Gives up O: the old file stays unchanged. */
void output_drop(struct output *o);

#endif
