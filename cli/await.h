/* SPDX-License-Identifier: Apache-2.0 */
/* await.h - shows on a terminal which process has the store that a command waits for. */
#ifndef AWAIT_H
#define AWAIT_H

/* Shows it from now on, if stderr is a terminal. Call it once, before other threads are there. */
void await_begin(void);

#endif
