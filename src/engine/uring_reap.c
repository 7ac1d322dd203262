/* SPDX-License-Identifier: Apache-2.0 */
/*
 * uring_reap.c - takes completions off the ring.
 *
 * Uses the ring of struct uring; lane's owner only.
 */
#include <sys/eventfd.h>

#include "base/clock.h"
#include "engine/sleep.h"
#include "engine/uring.h"

/* So many CQEs are taken off the ring at once. */
#define URING_REAP 32u

static void uring_complete(struct uring *u, struct weir_cmd *cmd)
{
	u->in_flight--;
	u->engine.params.complete(u->engine.params.owner, cmd);
}

/*
 * Takes up to MAX CQEs and completes their commands; returns the number of CQEs. The CQ gets its
 * room back before complete() is called, because complete() may submit.
 */
static unsigned uring_reap_some(struct uring *u, unsigned max, unsigned *ended)
{
	struct io_uring_cqe *cqes[URING_REAP];
	struct weir_cmd *cmds[URING_REAP];
	unsigned n, count = 0;

	n = io_uring_peek_batch_cqe(&u->ring, cqes, max < URING_REAP ? max : URING_REAP);
	for (unsigned i = 0; i < n; i++) {
		cmds[count] = uring_take(u, cqes[i]);
		count += cmds[count] != NULL;
	}
	io_uring_cq_advance(&u->ring, n);
	for (unsigned i = 0; i < count; i++)
		uring_complete(u, cmds[i]);
	*ended += count;
	return n;
}

static unsigned uring_reap_done(struct uring *u)
{
	struct weir_cmd *cmd, *next;
	unsigned count = 0;

	for (cmd = cmds_take(&u->done); cmd; cmd = next, count++) {
		next = cmd->e_next;
		uring_complete(u, cmd);
	}
	return count;
}

/* Returns true if completions wait in the kernel until this thread enters it. */
static bool uring_events_wait(const struct uring *u)
{
	unsigned flags = __atomic_load_n(u->ring.sq.kflags, __ATOMIC_RELAXED);

	return flags & (IORING_SQ_TASKRUN | IORING_SQ_CQ_OVERFLOW);
}

/*
 * Fetches completions that wait in the kernel. This system call is made only if the CQ is empty,
 * because otherwise they come with the next submit. But if somebody sleeps on event_fd, it is
 * always made: after event_fd was cleared, everything must be taken.
 */
static void uring_fetch(struct uring *u)
{
	int err = 0;

	if (u->announced)
		sleep_clear(u->event_fd);
	else if (io_uring_cq_ready(&u->ring))
		return;
	if (uring_events_wait(u) || (u->always_enter && (u->in_flight || u->wake_armed)))
		err = io_uring_get_events(&u->ring);
	if (err < 0 && !uring_transient(err))
		uring_break(u, err);
}

void uring_announce(struct uring *u)
{
	(void)!eventfd_write(u->event_fd, 1);
}

/* Takes the completions off the ring. */
static unsigned uring_reap_ring(struct uring *u)
{
	unsigned ended = 0, left, n;

	uring_fetch(u);
	/* Later completions are for the next call. */
	for (left = io_uring_cq_ready(&u->ring); left; left -= n) {
		n = uring_reap_some(u, left, &ended);
		if (!n)
			break;
	}
	return ended;
}

unsigned uring_reap(struct engine *e, uint64_t now)
{
	struct uring *u = (struct uring *)e;
	unsigned ended = u->broken ? 0 : uring_reap_ring(u);

	if (now >= u->later_at) {
		cmds_append(&u->again, &u->later);
		u->later_at = UINT64_MAX;
	}
	if (u->again.head || now >= u->retry_at)
		uring_submit(e);
	uring_lose(u);
	if (u->done.head)
		ended += uring_reap_done(u);
	/* The kernel runs only a limited number of completions at once. */
	if (!u->broken && u->announced && (io_uring_cq_ready(&u->ring) || uring_events_wait(u)))
		uring_announce(u);
	return ended;
}
