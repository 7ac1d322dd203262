/* SPDX-License-Identifier: Apache-2.0 */
/*
 * blocking.h - commands done with ordinary system calls, on the thread that asks.
 *
 * The posix engine's threads do everything this way; the uring engine what a ring cannot do.
 */
#ifndef BLOCKING_H
#define BLOCKING_H

#include "engine/engine.h"

/* Writing zeroes where the system cannot zero a range: a piece of this size at a time. */
#define BLOCKING_ZERO_BYTES (256u << 10)

/* What a command is done to. Filled once, only read afterwards. */
struct blocking_target {
	int fd;
	uint32_t block_bytes;
	bool block_device;
	bool discard; /* a discard reaches the device; else it succeeds and does nothing */
};

/* Fills TARGET from DEV. */
void blocking_target(struct blocking_target *target, const struct weir_device *dev);

/*
 * Says whether an engine that moves bytes can work on DEV: 0, or -EOPNOTSUPP with the reason in
 * WHY.
 */
int blocking_suits(const struct weir_device *dev, char *why, size_t size);

/* BLOCKING_ZERO_BYTES zeroes, aligned for direct I/O. Nobody writes there. */
void *blocking_zeroes(void);

/* Does CMD from beginning to end and sets its result. Any thread. */
void blocking_run(const struct blocking_target *target, struct weir_cmd *cmd);

/* A zeroing call answered ERR (-errno): true where writing zeroes may work all the same. */
bool blocking_zero_refused(int64_t err);

#endif
