/* SPDX-License-Identifier: Apache-2.0 */
/*
 * op.h - FIFOs of operations, and the end of an operation.
 */
#ifndef STORE_IO_OP_H
#define STORE_IO_OP_H

#include <stdint.h>

#include <weir/store.h>

#include "base/fifo.h"
#include "store/io/op_priv.h"

struct store_io;

#define OP_NEXT(op) op_priv(op)->next
FIFO_DEFINE(op_list, struct weir_store_op, OP_NEXT)

/* A flag of a delete of the store's own: the value is damaged. It lies beside enum weir_put_flags.
 */
#define OP_DAMAGED (1u << 31)

/* Counts OP as begun. The caller runs it next. */
void op_begin(struct store_io *io, struct weir_store_op *op);

/* Ends OP with RESULT: counts it, wakes its waiters and calls `end`. OP may not be touched after
 * this. */
void op_end(struct store_io *io, struct weir_store_op *op, int result);

#endif
