/* SPDX-License-Identifier: Apache-2.0 */
/*
 * blocks.h - ios by the numbers of their blocks, on the rig with limits that let much merge: what
 * the tests of merging share. The engine holds all commands until it is told to complete some.
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
/* Io I begins at block 2 * I of it unless a test says otherwise, so that no two of one block
 * touch. */
extern char blocks_memory[2 * BLOCKS_N][BLOCK];

/* Resets the rig; NOMERGES is for the queue. */
void blocks_reset(unsigned nomerges);
/* Opens the queue; the calling thread owns its lane. */
void blocks_open(const char *scheduler);
/* The same, and the ios of a merged command that fails go once by themselves. */
void blocks_open_retrying(const char *scheduler);
/* Lets everything end, once each, and closes. */
void blocks_close(void);
/* The next io: blocks FROM to TO, TO excluded. */
struct weir_io *blocks_make(uint8_t op, unsigned from, unsigned to);
/* The owner submits what was made from FIRST on, and polls. */
void blocks_give(unsigned first);
/* Another thread submits it, so that the lane takes it at once when the owner polls. */
void blocks_stage(unsigned first);
/* Command N that the engine was given: these blocks. */
void blocks_expect_cmd(unsigned n, unsigned from, unsigned to);
struct weir_queue_stats blocks_stats(void);
struct weir_op_stats blocks_op_stats(enum weir_op op);

#endif
