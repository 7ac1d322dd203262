/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rig.h - an engine on a device of its own, which a test drives step by step. The engine tests
 * share it.
 */
#ifndef RIG_H
#define RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "engine/engine.h"

#define RIG_BYTES (8u << 20)
#define RIG_BLOCK 4096u
#define RIG_PIECES 8u
#define RIG_DEPTH 32u

/* An engine and the device on which it is tested. */
struct rig_case {
	const char *engine;
	const char *where; /* "file" (direct I/O), "shm" (buffered, no zeroing call), "loop" */
};

/* A command, its pieces, and how often it has completed. */
struct rig_cmd {
	struct weir_cmd cmd; /* it comes first: complete() gets its address */
	struct iovec iov[RIG_PIECES];
	unsigned ended;
};

struct rig {
	struct weir_device *dev;
	struct engine *e;
	struct engine_params params;
	char path[64]; /* of the device */
	char file[64]; /* the file below it, removed at the end */
	int loop_fd;   /* -1: none */
	unsigned ended;
	struct rig_cmd *last; /* the last one that completed */
};

/* Makes the device of C (size RIG_BYTES) and opens the engine, or skips the test with a reason. */
void rig_open(struct rig *r, const struct rig_case *c);
/* These are the parts of rig_open(): the device (with flags as for weir_device_open), then the
 * engine. */
void rig_device(struct rig *r, const char *where, uint32_t flags);
void rig_engine(struct rig *r, const char *engine);
void rig_close(struct rig *r);

/* Prepares C: OP at OFFSET, with one piece at BUF. */
void rig_prep(struct rig_cmd *c, enum weir_op op, uint64_t offset, void *buf, uint64_t length);

/* Waits until COUNT commands have completed since rig_open(). */
void rig_wait(struct rig *r, unsigned count);

/* Runs one command until it has completed, and returns its result. */
int rig_run(struct rig *r, struct rig_cmd *c);
int rig_do(struct rig *r, enum weir_op op, uint64_t offset, void *buf, uint64_t length);

/* Returns memory for direct I/O. */
void *rig_alloc(size_t bytes);

/* Returns a repeatable random number below LIMIT. */
uint64_t rig_random(uint64_t *state, uint64_t limit);

/*
 * Runs each of N tests on each of COUNT cases, as one group called NAME: those pairs for which
 * SUITS returns true. The case is the test's initial state. Returns the number of failures.
 */
int rig_run_cases(const char *name, const struct rig_case *cases, size_t count,
		  const struct CMUnitTest *tests, size_t n,
		  bool (*suits)(const struct rig_case *c, const struct CMUnitTest *test));

/* Fills BUF with bytes that depend on SEED and their place. */
void rig_fill(void *buf, size_t bytes, uint64_t seed);

#endif
