/* SPDX-License-Identifier: Apache-2.0 */
/*
 * output.h - files that commands write. An output is never one of the inputs. A file is replaced
 * only after the new one is complete. Whoever opened an output owns it; one thread.
 *
 * Before a command runs, apart_check_command() (apart.h) has compared the files of its options.
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
 * Finds what output_open() would write for PATH. *FD becomes the number of the open file that PATH
 * names ("-", /dev/fd/3), or -1; then TARGET, which has PATH_MAX bytes, gets the path behind all
 * links. Returns 0 or -errno.
 */
int output_target(const char *path, char *target, int *fd);

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
