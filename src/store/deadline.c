/* SPDX-License-Identifier: Apache-2.0 */
/*
 * deadline.c - ends operations when their deadline comes.
 *
 * Deadlines are not kept in order. The loop has one alarm, for the earliest of them; when it rings,
 * all operations that wait are looked at, and the alarm is set for the earliest that is left. So an
 * operation that ends in time pays nothing but a comparison. This file owns store->deadlines and
 * runs on the loop's thread.
 */
#include "base/check.h"
#include "base/container.h"
#include "base/nsec.h"
#include "queue/loop.h"
#include "store/store.h"

/* Operations are looked through at most once in this time, however many deadlines there are. */
#define DEADLINE_PAUSE_NS (NSEC_PER_MSEC / 4)

static void deadline_ring(struct weir_task *task)
{
	struct weir_store *s = container_of(task, struct weir_store, deadlines.task);
	uint64_t now = loop_now(s->io.q), next = UINT64_MAX;

	io_check_owner(&s->io);
	logs_withdraw(s->logs, now, &next);
	read_withdraw(s, now, &next);
	if (next < now + DEADLINE_PAUSE_NS)
		next = now + DEADLINE_PAUSE_NS;
	s->deadlines.next = next;
	loop_set_alarm(s->io.q, &s->deadlines.task, next);
	s->io.turn(&s->io);
}

void deadline_init(struct weir_store *s)
{
	s->deadlines.task.fn = deadline_ring;
	s->deadlines.next = UINT64_MAX;
}

bool deadline_is_over(struct weir_store *s, const struct weir_store_op *op)
{
	if (!op->deadline_ns)
		return false;
	if (op->deadline_ns <= loop_now(s->io.q))
		return true;
	if (op->deadline_ns < s->deadlines.next) {
		s->deadlines.next = op->deadline_ns;
		loop_set_alarm(s->io.q, &s->deadlines.task, op->deadline_ns);
	}
	return false;
}

void deadline_stop(struct weir_store *s)
{
	CHECK(s->io.ops == 1 && LIST_EMPTY(&s->reads.timed));
	if (s->deadlines.next == UINT64_MAX)
		return;
	s->deadlines.next = UINT64_MAX;
	loop_set_alarm(s->io.q, NULL, UINT64_MAX);
}
