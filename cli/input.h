/* SPDX-License-Identifier: Apache-2.0 */
/*
 * input.h - a whole file, or all of stdin, in aligned memory.
 */
#ifndef INPUT_H
#define INPUT_H

#include <stddef.h>

/* What was read; given back with input_free(). */
struct input {
	void *data; /* aligned to a page */
	size_t len;
	size_t room; /* bytes that are mapped at DATA */
};

/*
 * Reads the file at PATH ("-": stdin) to its end. More than LIMIT bytes are an error, which takes
 * no longer and no more memory than LIMIT bytes do. 0; -EFBIG, and then IN->len is the length of
 * the file, or LIMIT + 1 where only that is known; -ENOMEM or what open and read say, with
 * weir_error() set.
 */
int input_read(struct input *in, const char *path, size_t limit);

/* Frees what IN holds. It may hold nothing. */
void input_free(struct input *in);

#endif
