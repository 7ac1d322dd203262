/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vm.h - functions that the programs with an NVMe drive share: the drive, a queue on it, one io.
 *
 * Everything is used by one thread. The guest gives the paths (see run.py); without them a program
 * skips all its cases.
 */
#ifndef VM_H
#define VM_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <weir/queue.h>

#define VM_MIB (1u << 20)

/* A device and a queue on it. */
struct vm {
	struct weir_device *dev;
	struct weir_queue *q;
	uint32_t block; /* size of a logical block */
};

/* Return the character device and the block device of the drive; skip the case if there is none. */
const char *vm_ng(void);
const char *vm_block(void);

/* Opens PATH and a queue on it that this thread owns, both with the options OPTS. */
void vm_open(struct vm *v, const char *path, const struct weir_queue_opts *opts);
/* Does the same as vm_open(), with this ENGINE and SCHEDULER. */
void vm_open_with(struct vm *v, const char *path, const char *engine, const char *scheduler);
void vm_close(struct vm *v);

/* Runs IO to its end and returns its result. */
int vm_run(struct vm *v, struct weir_io *io);
/* Runs IO; fails the test with the io's error text if it fails. */
void vm_good(struct vm *v, struct weir_io *io);
void vm_write(struct vm *v, uint64_t offset, const void *buf, uint64_t length);
void vm_read(struct vm *v, uint64_t offset, void *buf, uint64_t length);

/* Returns the queue's statistics. */
struct weir_queue_stats vm_stats(struct vm *v);
struct weir_op_stats vm_op_stats(struct vm *v, enum weir_op op);

/* Allocates memory that begins at a page; the caller frees it. */
void *vm_alloc(size_t bytes);
/* Fills BUF with bytes that depend on SEED; each word is different. */
void vm_fill(void *buf, size_t bytes, uint64_t seed);
/* Returns true if the kernel is MAJOR.MINOR or later. */
bool vm_linux(unsigned major, unsigned minor);
/* Returns a number below LIMIT. */
uint64_t vm_random(uint64_t *state, uint64_t limit);

#endif
