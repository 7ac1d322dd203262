/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sleep.c - sleeps on a completion descriptor, a wake-up and a deadline, with ppoll().
 *
 * Owns nothing; runs on the lane's owner. A signal ends a sleep early. Callers treat that like any
 * other return: they look for work and sleep again.
 */
#include "engine/sleep.h"

#include <errno.h>
#include <poll.h>
#include <sys/uio.h>

#include "base/clock.h"
#include "engine/engine.h"

bool sleep_clear(int wake_fd)
{
	uint64_t value;
	struct iovec iov = { .iov_base = &value, .iov_len = sizeof(value) };
	ssize_t got;

	/* It is no error if there is nothing to read: somebody else may have read it first. */
	do
		got = preadv2(wake_fd, &iov, 1, -1, RWF_NOWAIT);
	while (got < 0 && errno == EINTR);
	return got > 0;
}

struct timespec *sleep_timeout(uint64_t deadline, struct timespec *ts)
{
	uint64_t now, left;

	if (deadline == UINT64_MAX)
		return NULL;
	now = clock_now();
	left = deadline > now ? deadline - now : 0;
	ts->tv_sec = (time_t)(left / NSEC_PER_SEC);
	ts->tv_nsec = (long)(left % NSEC_PER_SEC);
	return ts;
}

void engine_sleep(int fd, int wake_fd, uint64_t deadline)
{
	/* poll() ignores negative descriptors. */
	struct pollfd fds[2] = {
		{ .fd = fd, .events = POLLIN },
		{ .fd = wake_fd, .events = POLLIN },
	};
	struct timespec ts;

	if (ppoll(fds, 2, sleep_timeout(deadline, &ts), NULL) > 0 && fds[1].revents & POLLIN)
		sleep_clear(wake_fd);
}
