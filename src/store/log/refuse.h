/* SPDX-License-Identifier: Apache-2.0 */
/*
 * refuse.h - which puts the write budget does not admit.
 */
#ifndef STORE_LOG_REFUSE_H
#define STORE_LOG_REFUSE_H

#include <stdbool.h>

#include <weir/store.h>

struct log;
struct rec;

/* Returns true if OP is a put that is over the write budget: it must end with -EDQUOT. NEWEST is
 * the admitted record of its key, or NULL. A put that may go on is not asked again. */
bool refuse_put(struct log *l, struct weir_store_op *op, const struct rec *newest);

#endif
