/* SPDX-License-Identifier: Apache-2.0 */
/*
 * blocking.h - runs commands with ordinary system calls, on the thread that asks.
 *
 * The threads of the posix engine do everything this way. The uring engine does so for commands
 * that a ring cannot do.
 */
#ifndef BLOCKING_H
#define BLOCKING_H

#include "engine/engine.h"

/* If the system cannot zero a range, zeroes are written in pieces of this size. */
#define BLOCKING_ZERO_BYTES (256u << 10)

/* The target of commands. It is filled in once, and only read afterwards. */
struct blocking_target {
	int fd;
	uint32_t block_bytes;
	bool block_device;
	/* true: a discard reaches the device; false: it succeeds and does nothing */
	bool discard;
};

/* Fills TARGET from DEV. */
void blocking_target(struct blocking_target *target, const struct weir_device *dev);

/*
 * Checks whether an engine that moves bytes can work on DEV. Returns 0, or -EOPNOTSUPP with the
 * reason in WHY.
 */
int blocking_suits(const struct weir_device *dev, char *why, size_t size);

/* Returns BLOCKING_ZERO_BYTES zeroes, aligned for direct I/O. Nobody writes there. */
void *blocking_zeroes(void);

/* Runs CMD from start to end and sets its result. Any thread. */
void blocking_run(const struct blocking_target *target, struct weir_cmd *cmd);

/* Returns true if writing zeroes may work although a zeroing call returned ERR (-errno). */
bool blocking_zero_refused(int64_t err);

#endif
