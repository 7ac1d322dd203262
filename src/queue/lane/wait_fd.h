/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wait_fd.h - the file descriptor of a lane for event loops. Owner's thread.
 */
#ifndef WAIT_FD_H
#define WAIT_FD_H

#include "queue/lane/lane.h"

/* Sets the timer behind the descriptor to the lane's next event. */
void wait_fd_arm(struct lane *lane);

/* Closes the descriptor, if there is one, and what is behind it. */
void wait_fd_close(struct lane *lane);

#endif
