/* SPDX-License-Identifier: Apache-2.0 */
/*
 * output.h - files that commands write. No output may be one of the inputs, and a file is replaced
 * when the new one is whole, or not at all. Whoever opened an output owns it; one thread.
 *
 * A command first asks output_check() about each output that it was told of, then opens it.
 */
#ifndef OUTPUT_H
#define OUTPUT_H

#include <stdio.h>

struct output {
	FILE *file; /* write here */
	const char *path;
	char *target; /* the file that will be replaced or made; NULL: FILE is the thing itself */
	char *temporary; /* what is written meanwhile, in the same folder */
	int replaces;	 /* there is a file at TARGET */
};

/*
 * Refuses PATH as what OPTION ("--output") writes if it is, or lies on, one of the N INPUTS (which
 * may be NULL, "-" for standard input, or not be there): 0, or an exit code with the error
 * printed. "-" as PATH is standard output.
 */
int output_check(const char *option, const char *path, const char *const *inputs, size_t n);

/*
 * The same for standard output and standard error: is INPUT ("-": standard input) what they were
 * redirected to? 0, or an exit code; the words go to whichever of the two is not INPUT.
 */
int output_check_standard(const char *input);

/*
 * Opens PATH for writing, "-" for standard output. Where it is a regular file, or nothing yet, a
 * temporary file beside it takes the bytes (links are followed first); what is no file, and an
 * open file as /dev/fd/3, is written itself. 0 or -errno, with weir_error() set.
 */
int output_open(struct output *o, const char *path);

/*
 * Ends O: what was written takes its place, with the mode of the file that it replaces or what
 * umask leaves of 0666. A file that replaces another is on the disk before it does. 0, or -errno
 * with weir_error() set: then what was there is there still, unless O was written itself.
 */
int output_close(struct output *o);

/* Gives O up: what was there stays. */
void output_drop(struct output *o);

#endif
