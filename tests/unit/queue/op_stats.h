/* SPDX-License-Identifier: Apache-2.0 */
/* op_stats.h - the statistics of one kind of io, for tests that need one figure of them. */
#ifndef OP_STATS_H
#define OP_STATS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <weir/queue.h>

static inline struct weir_op_stats op_stats(struct weir_queue *q, enum weir_op op)
{
	struct weir_op_stats stats = WEIR_OP_STATS_INIT;

	assert_int_equal(weir_queue_get_op_stats(q, op, &stats), 0);
	return stats;
}

#endif
