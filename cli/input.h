/* SPDX-License-Identifier: Apache-2.0 */
/*
 * input.h - a whole file, or all of stdin, in aligned memory.
 */
#ifndef INPUT_H
#define INPUT_H

#include <stddef.h>

struct input {
	void *data; /* aligned to 4096; from malloc() */
	size_t len;
};

/*
 * Reads the file at PATH ("-": stdin) to its end; more than LIMIT bytes are an error. 0, -EFBIG,
 * -ENOMEM or what open and read say, with weir_error() set. IN->data is to be freed.
 */
int input_read(struct input *in, const char *path, size_t limit);

#endif
