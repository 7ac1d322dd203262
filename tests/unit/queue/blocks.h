/* SPDX-License-Identifier: Apache-2.0 */
/*
 * blocks.h - ios by the numbers of their blocks, on the rig with limits that permit much merging:
 * functions that the tests of merging share. The engine holds all commands until the test
 * completes some.
 */
#ifndef BLOCKS_H
#define BLOCKS_H

#include "rig.h"

#define BLOCKS_N 300
#define BLOCKS_SCHEDULERS 3
#define BLOCK 4096u
#define R WEIR_OP_READ
#define W WEIR_OP_WRITE
#define D WEIR_OP_DISCARD

extern const char *const blocks_schedulers[BLOCKS_SCHEDULERS];
extern struct weir_io blocks_io[BLOCKS_N]; /* in the order in which they were made */
extern unsigned blocks_nr_ios, blocks_nr_ends;
/*
 * Memory of io I begins at block 2 * I of it unless a test says otherwise, so two ios of one block
 * never touch in memory.
 */
extern char blocks_memory[2 * BLOCKS_N][BLOCK];

/* Resets the rig; NOMERGES is an option of the queue. */
void blocks_reset(unsigned nomerges);
/* Opens the queue; the calling thread owns its lane. */
void blocks_open(const char *scheduler);
/* Does the same, with retry_merged: the ios of a failed merged command go once more, one by one. */
void blocks_open_retrying(const char *scheduler);
/* Completes everything, checks that each io ended once, and closes. */
void blocks_close(void);
/* Makes the next io: blocks FROM to TO, without TO. */
struct weir_io *blocks_make(uint8_t op, unsigned from, unsigned to);
/* The owner submits the ios from FIRST on, and polls. */
void blocks_give(unsigned first);
/*
 * Another thread submits the ios from FIRST on; the lane takes them all at once when the owner
 * polls.
 */
void blocks_stage(unsigned first);
/* Asserts that command N of the engine covers these blocks. */
void blocks_expect_cmd(unsigned n, unsigned from, unsigned to);
struct weir_queue_stats blocks_stats(void);
struct weir_op_stats blocks_op_stats(enum weir_op op);

#endif
