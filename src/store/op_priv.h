/* SPDX-License-Identifier: Apache-2.0 */
/*
 * op_priv.h - what the store keeps in weir_store_op.priv.
 *
 * The public struct names words only, so that programs cannot come to depend on what is here. The
 * attribute may_alias lets this struct lie on such words.
 */
#ifndef STORE_OP_PRIV_H
#define STORE_OP_PRIV_H

#include <stddef.h>
#include <stdint.h>

#include <weir/store.h>

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

/* The store's part of OP, const where OP is. */
#define op_priv(op)                                                                                \
	_Generic((op),                                                                             \
		const struct weir_store_op *: op_priv_of_const,                                    \
		struct weir_store_op *: op_priv_of)(op)

/* The operation whose task TASK is. */
static inline struct weir_store_op *op_of_task(struct weir_task *task)
{
	char *priv = (char *)task - offsetof(struct op_priv, task);

	return (struct weir_store_op *)(priv - offsetof(struct weir_store_op, priv));
}

#endif
