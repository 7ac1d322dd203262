/* SPDX-License-Identifier: Apache-2.0 */
/*
 * withdraw.c - ends puts and deletes that have no position yet: those that were cancelled, and
 * those whose deadline has come. They leave no trace. This file owns nothing, and runs on the
 * loop's thread.
 */
#include <errno.h>

#include "store/log/logs.h"

/* Returns why OP ends now, or 0. *NEXT becomes its deadline if that is earlier. */
static int withdraw_reason(const struct weir_store_op *op, uint64_t now, uint64_t *next)
{
	if (op_is_cancelled(op))
		return -ECANCELED;
	if (!op->deadline_ns)
		return 0;
	if (op->deadline_ns <= now)
		return -ETIMEDOUT;
	if (op->deadline_ns < *next)
		*next = op->deadline_ns;
	return 0;
}

/* Moves the operations of FROM that end now to LIST, with the reason as their result. Returns true
 * if there were any. */
static bool withdraw_take(struct logs *ls, struct op_list *from, struct op_list *list, uint64_t now,
			  uint64_t *next)
{
	struct weir_store_op *op;
	struct op_list all;
	bool some = false;

	op_list_init(&all);
	op_list_append(&all, from);
	while ((op = op_list_pop(&all))) {
		int reason = withdraw_reason(op, now, next);

		if (!reason) {
			op_list_add(from, op);
			continue;
		}
		keys_remove_pending(&ls->keys, op);
		op->result = reason;
		op_list_add(list, op);
		some = true;
	}
	return some;
}

void logs_withdraw(struct logs *ls, uint64_t now, uint64_t *next)
{
	struct weir_store_op *op;
	struct op_list list;
	struct log *l;
	uint32_t i;

	op_list_init(&list);
	(void)withdraw_take(ls, &ls->arrived, &list, now, next);
	LOGS_FOREACH(ls, l, i)
	if (withdraw_take(ls, &l->pending, &list, now, next))
		log_ask(l); /* operations behind them may go on */
	while ((op = op_list_pop(&list)))
		op_end(ls->io, op, op->result);
}
