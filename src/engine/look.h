/* SPDX-License-Identifier: Apache-2.0 */
/*
 * look.h - what the kernel lets this process have of io_uring, whatever the device. Owns nothing;
 * any thread.
 */
#ifndef ENGINE_LOOK_H
#define ENGINE_LOOK_H

#include <stdbool.h>
#include <stddef.h>

struct uring_look {
	int err;	  /* 0, or -errno: no such ring for this process */
	const char *rung; /* the set-up flags that the kernel took; "" where there is no ring */
	bool deferred;	  /* completions run when the owner asks for them, which is the best */
	bool fixed_buffers;
	char why[256]; /* the set-up or the reason, in words */
};

/*
 * Makes a ring as the engines do, and unmakes it: the one of `uring_cmd` where BIG (128-byte SQEs,
 * 32-byte CQEs, commands that pass through), else that of `uring`.
 */
void uring_look(struct uring_look *look, bool big);

#endif
