/* SPDX-License-Identifier: Apache-2.0 */
/*
 * op_priv.h - what the store keeps in weir_store_op.priv.
 *
 * The public struct names words only, so that programs cannot come to depend on what is here. The
 * attribute may_alias lets this struct lie on such words.
 */
#ifndef STORE_OP_PRIV_H
#define STORE_OP_PRIV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <weir/store.h>

/* The kind of survivors (log/survive.h), which are admitted like puts. Programs cannot submit
 * them. */
#define OP_SURVIVOR 101u

/* Why an operation failed, if its result alone does not say it. */
enum op_noted {
	OP_NOTE_NONE = 0,
	OP_NOTE_IO = 1,	       /* an io failed: the members io_* describe it */
	OP_NOTE_RING_LOST = 2, /* the queue has lost its ring: io_cause is the kernel's errno */
	OP_NOTE_READ_ONLY = 3, /* the store was opened read-only */
	OP_NOTE_FULL = 4,      /* the store writes no more, because it met a full filesystem */
	OP_NOTE_UNREAD = 5,    /* space could be made only of segments that cannot be read */
};

/* The store's part of an operation, valid from submit until `end`; `state` also afterwards. */
struct op_priv {
	struct weir_task task;
	struct weir_store *store;
	struct weir_store_op *next;
	uint64_t hash[2];
	void *private;
	uint64_t start_ns;
	uint32_t state; /* enum op_state, an atomic */
	uint32_t log;
	/* What weir_store_op_strerror() needs to know; the store may be closed by then. */
	uint64_t io_offset, io_length, io_failed_offset; /* of the io that failed */
	uint16_t io_status, io_cause;
	uint8_t io_op;
	uint8_t noted;	  /* enum op_noted */
	uint8_t afforded; /* a put that the write budget admits, which is asked once */
	uint32_t cancel;  /* atomic: weir_store_cancel() was called */
} __attribute__((may_alias));

_Static_assert(sizeof(struct op_priv) <= sizeof(((struct weir_store_op *)0)->priv),
	       "the store's part of an operation fits into its priv words");

static inline struct op_priv *op_priv_of(struct weir_store_op *op)
{
	return (struct op_priv *)op->priv;
}

static inline const struct op_priv *op_priv_of_const(const struct weir_store_op *op)
{
	return (const struct op_priv *)op->priv;
}

/* Returns the store's part of OP, const if OP is const. cppcheck cannot read _Generic. */
#ifdef __CPPCHECK__
#define op_priv(op) op_priv_of(op)
#else
#define op_priv(op)                                                                                \
	_Generic((op),                                                                             \
		const struct weir_store_op *: op_priv_of_const,                                    \
		struct weir_store_op *: op_priv_of)(op)
#endif

/* Returns the operation that TASK belongs to. */
static inline struct weir_store_op *op_of_task(struct weir_task *task)
{
	char *priv = (char *)task - offsetof(struct op_priv, task);

	return (struct weir_store_op *)(priv - offsetof(struct weir_store_op, priv));
}

/* Returns true if OP was cancelled since it was submitted. Any thread. */
static inline bool op_is_cancelled(const struct weir_store_op *op)
{
	return __atomic_load_n(&op_priv(op)->cancel, __ATOMIC_RELAXED);
}

#endif
