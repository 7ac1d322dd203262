/* SPDX-License-Identifier: Apache-2.0 */
/*
 * uring_wait.c - submits and sleeps in one system call, until a completion, a wake-up or a
 * deadline.
 *
 * A multishot poll in the ring itself watches wake_fd. If wait() meets its CQE first, it clears
 * wake_fd and leaves the CQE. If reap() meets it first, it leaves wake_fd to wait(). In both cases
 * wait() does not sleep on a wake-up that came before. Lane's owner only.
 */
#include <poll.h>

#include "base/clock.h"
#include "engine/sleep.h"
#include "engine/uring.h"

/* Puts the poll on wake_fd into the SQ. */
static void uring_arm(struct uring *u)
{
	struct io_uring_sqe *sqe = uring_slot_take(u, &u->wake_slot);

	io_uring_prep_poll_multishot(sqe, u->engine.params.wake_fd, POLLIN);
	sqe->user_data = URING_WAKE;
	u->wake_armed = true;
}

/* Clears wake_fd if the CQ says that it was written; the CQEs stay for reap(). */
static void uring_notice_wake(struct uring *u)
{
	const struct io_uring_cqe *cqe;
	unsigned head;
	uint32_t count = 0;

	io_uring_for_each_cqe(&u->ring, head, cqe) count += cqe->user_data == URING_WAKE;
	if (count > u->wake_noticed)
		sleep_clear(u->engine.params.wake_fd);
	u->wake_noticed = count;
}

/* Sleeps for a short time. The ring cannot wait here: what the kernel did not take would wait for a
 * completion that may never come. */
static void uring_sleep_short(struct uring *u, uint64_t deadline)
{
	u->retry_at = clock_now() + URING_RETRY_NS;
	engine_sleep(u->ring.ring_fd, u->engine.params.wake_fd,
		     u->retry_at < deadline ? u->retry_at : deadline);
}

/* Sleeps without a ring: until the kernel has ended it, a wake-up, or the deadline. */
static void uring_sleep_lost(const struct uring *u, uint64_t deadline)
{
	uint64_t until = u->orphans.head ? u->orphans_until : UINT64_MAX;

	engine_sleep(u->orphans.head ? u->gone_fd : -1, u->engine.params.wake_fd,
		     until < deadline ? until : deadline);
}

static void uring_sleep(struct uring *u, uint64_t deadline)
{
	struct __kernel_timespec timeout;
	struct io_uring_cqe *cqe;
	struct timespec ts;
	bool timed;
	int err;

	timed = sleep_timeout(deadline, &ts);
	if (timed) {
		timeout.tv_sec = ts.tv_sec;
		timeout.tv_nsec = ts.tv_nsec;
	}
	err = io_uring_submit_and_wait_timeout(&u->ring, &cqe, 1, timed ? &timeout : NULL, NULL);
	if (err < 0 && !uring_transient(err))
		uring_break(u, err);
	else if (io_uring_sq_ready(&u->ring))
		uring_sleep_short(u, deadline);
	else
		u->retry_at = UINT64_MAX;
}

void uring_wait(struct engine *e, uint64_t deadline)
{
	struct uring *u = (struct uring *)e;
	bool woken;

	uring_stage(u);
	uring_lose(u);
	if (e->params.wake_fd >= 0 && !u->wake_armed && !u->broken)
		uring_arm(u);
	woken = u->wake_pending && sleep_clear(e->params.wake_fd);
	u->wake_pending = false;
	if (woken || u->done.head) {
		uring_push(u);
	} else if (u->broken) {
		uring_sleep_lost(u, deadline);
	} else {
		uring_sleep(u, deadline);
		uring_notice_wake(u);
	}
}
