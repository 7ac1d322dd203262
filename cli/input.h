/* SPDX-License-Identifier: Apache-2.0 */
/* input.h - reads a whole file, or all of stdin, into aligned memory. */
#ifndef INPUT_H
#define INPUT_H

#include <stddef.h>

/* The bytes that were read; the owner frees them with input_free(). */
struct input {
	void *data; /* the bytes, aligned to a page */
	size_t len;
	size_t room; /* the number of bytes mapped at DATA */
};

/*
 * Reads the file at PATH ("-": stdin) to its end. More than LIMIT bytes are an error, which needs
 * no more time and memory than LIMIT bytes need. Returns 0; -EFBIG, where IN->len becomes the
 * length of the file, or LIMIT + 1 if only that is known; -ENOMEM, or an error of open() or
 * read(); with weir_error() set.
 */
int input_read(struct input *in, const char *path, size_t limit);

/* Frees the memory of IN, if it has any. */
void input_free(struct input *in);

#endif
