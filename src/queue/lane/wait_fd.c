/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wait_fd.c - one descriptor that fires for everything a lane may have to do.
 *
 * An epoll instance over three: the engine's (completions), the lane's wake_fd (what others
 * staged), and a timer for what only time brings (a scheduler that idles, a command that was
 * refused, work that the last turn left). Made when it is first asked for; closed at detach.
 * Owner's thread.
 */
#include <errno.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "queue/lane/wait_fd.h"

void wait_fd_arm(struct lane *lane)
{
	uint64_t next = lane_next_event(lane);
	struct itimerspec at = { 0 };

	if (next != UINT64_MAX) {
		/* 0 would disarm it: 1 ns after the start of the clock is past just as well. */
		at.it_value.tv_sec = (time_t)(next / NSEC_PER_SEC);
		at.it_value.tv_nsec = (long)(next % NSEC_PER_SEC) + (next ? 0 : 1);
	}
	/* Setting it also clears an expiry that was not read. */
	timerfd_settime(lane->timer_fd, TFD_TIMER_ABSTIME, &at, NULL);
}

static int add(int epoll_fd, int fd)
{
	struct epoll_event event = { .events = EPOLLIN };

	return fd < 0 || !epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event) ? 0 : -errno;
}

void wait_fd_close(struct lane *lane)
{
	fork_fd_close(&lane->epoll_watch);
	fork_fd_close(&lane->timer_watch);
}

static int make(struct lane *lane)
{
	struct engine *e = lane->engine;
	int err = 0;

	lane->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	lane->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (lane->epoll_fd < 0 || lane->timer_fd < 0)
		err = -errno;
	fork_fd_watch(&lane->epoll_watch, &lane->epoll_fd);
	fork_fd_watch(&lane->timer_watch, &lane->timer_fd);
	if (!err)
		err = add(lane->epoll_fd, lane->timer_fd);
	if (!err)
		err = add(lane->epoll_fd, lane->wake_fd);
	if (!err && e->ops->fd)
		err = add(lane->epoll_fd, e->ops->fd(e));
	if (!err)
		return 0;
	wait_fd_close(lane);
	return error_sys(err, "cannot make a descriptor for the queue");
}

int weir_queue_fd(struct weir_queue *q)
{
	struct lane *lane;
	int err = owner_lane_or_attach(q, &lane);

	if (err)
		return err;
	if (!lane)
		return error_set(-EPERM, "this thread owns no lane of the queue");
	if (lane->epoll_fd < 0) {
		err = make(lane);
		if (err)
			return err;
		lane_rest(lane);
	}
	return lane->epoll_fd;
}
