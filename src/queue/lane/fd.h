/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fd.h - the file descriptor of a lane for event loops. Owner's thread.
 */
#ifndef FD_H
#define FD_H

#include "queue/lane/state.h"

/* Sets the timer behind the descriptor to NEXT, ns; UINT64_MAX turns it off. */
void fd_arm(struct lane *lane, uint64_t next);

/* Closes the descriptor and its timer, if they were made. */
void fd_close(struct lane *lane);

#endif
