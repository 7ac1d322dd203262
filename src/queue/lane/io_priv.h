/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io_priv.h - what the queue keeps in weir_io.priv and weir_task.priv.
 *
 * The public structs name words only, so that programs cannot come to depend on what is here. The
 * attribute may_alias lets these structs lie on such words.
 */
#ifndef IO_PRIV_H
#define IO_PRIV_H

#include <stddef.h>
#include <stdint.h>

#include <weir/io.h>
#include <weir/queue.h>

struct lane;

/* The queue's part of an io, valid from submit until `end`; `state` also afterwards. */
struct io_priv {
	struct weir_io *next;
	struct lane *lane;
	uint64_t start_ns;
	uint64_t cursor;
	uint64_t failed_offset;
	size_t iov_skip;
	uint32_t iov_index;
	uint32_t parts;
	uint32_t state; /* a word of base/done.h */
	uint16_t ctx;
	uint8_t step;	  /* enum io_step */
	uint8_t cancel;	  /* atomic: weir_io_cancel() was called */
	uint32_t account; /* the submitter that the scheduler sees: the io's own or its group */
	uint16_t prio;	  /* the priority that counts */
	uint64_t turn;
	uint64_t waiting_bytes; /* cancel.c: of its parts, those that wait in requests */
} __attribute__((may_alias));

_Static_assert(sizeof(struct weir_io) == 160, "programs of 0.2 have ios of this size");
_Static_assert(sizeof(struct io_priv) <= sizeof(((struct weir_io *)0)->priv),
	       "the queue's part of an io fits into its priv words");

static inline struct io_priv *io_priv_of(struct weir_io *io)
{
	return (struct io_priv *)io->priv;
}

static inline const struct io_priv *io_priv_of_const(const struct weir_io *io)
{
	return (const struct io_priv *)io->priv;
}

/* The queue's part of IO, const where IO is. cppcheck cannot read _Generic in a condition. */
#ifdef __CPPCHECK__
#define io_priv(io) io_priv_of(io)
#else
#define io_priv(io)                                                                                \
	_Generic((io), const struct weir_io * : io_priv_of_const, struct weir_io * : io_priv_of)(io)
#endif

/* The queue's part of a task. */
struct task_priv {
	struct weir_task *next;
} __attribute__((may_alias));

_Static_assert(sizeof(struct task_priv) <= sizeof(((struct weir_task *)0)->priv),
	       "the queue's part of a task fits into its priv words");

static inline struct task_priv *task_priv(struct weir_task *task)
{
	return (struct task_priv *)task->priv;
}

#endif
