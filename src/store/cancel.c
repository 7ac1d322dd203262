/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cancel.c - ends operations that have not begun, with -ECANCELED.
 *
 * The calling thread marks the operation, and has the loop look through those that wait. One task
 * is enough for all that are marked before it runs. It comes before an operation that closes the
 * store, which is posted later. Owns store->cancel; any thread, except where it says the loop.
 */
#include <errno.h>

#include "base/container.h"
#include "base/done.h"
#include "base/error.h"
#include "store/parts.h"

/* Ends the cancelled operations. Runs on the loop. */
static void cancel_task(struct weir_task *task)
{
	struct weir_store *s = container_of(task, struct weir_store, cancel.task);
	uint64_t never = UINT64_MAX;

	io_check_owner(&s->io);
	/* This is cleared before looking: whoever marks an operation after this posts the task
	 * again. It is an exchange, which sees the marks of all who found the task posted; after a
	 * store the looking could come first. */
	__atomic_exchange_n(&s->cancel.posted, 0, __ATOMIC_SEQ_CST);
	logs_withdraw(s->logs, 0, &never);
	store_turn(&s->io);
}

int weir_store_cancel(struct weir_store *s, struct weir_store_op *op)
{
	int err = store_check_process(s);

	if (err)
		return err;
	if (done_is_idle(&op_priv(op)->state))
		return error_set(-EINVAL, "cancels an operation that was never submitted");
	s = parts_of_op(s, op);
	__atomic_store_n(&op_priv(op)->cancel, 1, __ATOMIC_SEQ_CST);
	if (__atomic_exchange_n(&s->cancel.posted, 1, __ATOMIC_SEQ_CST))
		return 0;
	s->cancel.task.fn = cancel_task;
	return weir_queue_post(s->io.q, 0, &s->cancel.task);
}
