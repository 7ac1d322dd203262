/* SPDX-License-Identifier: Apache-2.0 */
/*
 * look.h - finds out which features of io_uring the kernel lets this process use, whatever the
 * device is. Owns nothing; any thread.
 */
#ifndef ENGINE_LOOK_H
#define ENGINE_LOOK_H

#include <stdbool.h>
#include <stddef.h>

struct uring_look {
	int err;	  /* 0, or -errno: this process gets no such ring */
	const char *rung; /* the flags that the kernel accepted, in words; "" if there is no ring */
	/* Completions run when the owner asks for them, which is best. */
	bool deferred;
	bool registered_buffers;
	char why[256]; /* the set-up or the reason, in words */
};

/*
 * Makes a ring as the engines do, and closes it: the ring of `uring_cmd` if BIG (128-byte SQEs,
 * 32-byte CQEs, passthrough commands), else the ring of `uring`.
 */
void uring_look(struct uring_look *look, bool big);

#endif
