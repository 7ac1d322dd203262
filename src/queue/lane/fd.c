/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fd.c - makes one descriptor that fires for everything a lane may have to do.
 *
 * It is an epoll instance over three descriptors: the engine's (completions), the lane's wake_fd
 * (what others staged), and a timer for what only time brings (a scheduler that idles, a command
 * that was refused, work that the last turn left). It is made when it is first asked for, and
 * closed at detach. Owns lane->fd. The lane's owner.
 */
#include <errno.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/error.h"
#include "queue/lane/fd.h"
#include "queue/lane/lane.h"

void fd_arm(struct lane *lane, uint64_t next)
{
	struct itimerspec at = { 0 };

	CHECK(lane->fd.timer >= 0);
	if (next != UINT64_MAX) {
		/* A time of 0 would disarm the timer; 1 ns is in the past as well. */
		at.it_value.tv_sec = (time_t)(next / NSEC_PER_SEC);
		at.it_value.tv_nsec = (long)(next % NSEC_PER_SEC) + (next ? 0 : 1);
	}
	/* Setting the timer also clears an expiry that nobody has read. */
	timerfd_settime(lane->fd.timer, TFD_TIMER_ABSTIME, &at, NULL);
}

static int fd_add(int epoll_fd, int fd)
{
	struct epoll_event event = { .events = EPOLLIN };

	return fd < 0 || !epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event) ? 0 : -errno;
}

void fd_close(struct lane *lane)
{
	fork_fd_close(&lane->fd.epoll_watch);
	fork_fd_close(&lane->fd.timer_watch);
}

int fd_make(struct lane *lane)
{
	struct engine *e = lane->engine;
	int err = 0;

	CHECK(lane_is_mine(lane));
	CHECK(lane->fd.epoll < 0);
	lane->fd.epoll = epoll_create1(EPOLL_CLOEXEC);
	lane->fd.timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (lane->fd.epoll < 0 || lane->fd.timer < 0)
		err = -errno;
	fork_fd_watch(&lane->fd.epoll_watch, &lane->fd.epoll);
	fork_fd_watch(&lane->fd.timer_watch, &lane->fd.timer);
	if (!err)
		err = fd_add(lane->fd.epoll, lane->fd.timer);
	if (!err)
		err = fd_add(lane->fd.epoll, lane->sleep.wake_fd);
	if (!err && e->ops->fd)
		err = fd_add(lane->fd.epoll, e->ops->fd(e));
	if (!err)
		return 0;
	fd_close(lane);
	return error_sys(err, "cannot make a descriptor for the queue");
}
