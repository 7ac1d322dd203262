/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stream.h - sends and receives frames on a socket that never blocks. Owns nothing; any thread.
 */
#ifndef CONTROL_STREAM_H
#define CONTROL_STREAM_H

#include <stddef.h>
#include <stdint.h>

#include "control/wire.h"

/* Waits until poll() finds one of EVENTS at FD. Returns 0, -ETIMEDOUT (DEADLINE of clock_now() has
 * come), or -errno; without an error text. */
int control_wait(int fd, short events, uint64_t deadline);

/* Receives LENGTH bytes. Returns 0, -ETIMEDOUT (DEADLINE of clock_now() has come), -EPIPE (the
 * other end is gone), or -errno; without an error text. */
int control_receive(int fd, void *buf, size_t length, uint64_t deadline);

/* Sends a frame of KIND with RESULT and LENGTH bytes of BODY. Returns as control_receive() does. */
int control_send_frame(int fd, uint32_t kind, int result, const void *body, size_t length,
		       uint64_t deadline);

#endif
