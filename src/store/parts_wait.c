/* SPDX-License-Identifier: Apache-2.0 */
/*
 * parts_wait.c - runs the loops of several devices on one thread.
 *
 * Each loop sleeps in a way of its own, and a thread can sleep in one only. So each gets a turn
 * that does not sleep, and then the thread sleeps on the descriptors of all. This file owns the
 * descriptor of the store; the owner of the loops.
 */
#include <errno.h>
#include <poll.h>
#include <sys/epoll.h>

#include "base/clock.h"
#include "base/error.h"
#include "queue/loop.h"
#include "store/parts.h"

static bool parts_never(const void *user)
{
	(void)user;
	return false;
}

/* Gives each loop a turn. Nobody asks in between whether the caller's operation has ended: no
 * device is to wait while the operations of another one end at once. */
static void parts_turn(struct store_parts *parts)
{
	for (uint32_t n = 0; n < parts->count; n++)
		if (parts->part[n])
			(void)loop_run_until(parts->part[n]->io.q, parts_never, NULL, 0);
}

/* Collects the descriptors of the loops. Returns how many there are. */
static nfds_t parts_descriptors(struct store_parts *parts, struct pollfd *fds)
{
	nfds_t count = 0;

	for (uint32_t n = 0; n < parts->count; n++) {
		int fd = parts->part[n] ? weir_queue_fd(parts->part[n]->io.q) : -1;

		if (fd >= 0)
			fds[count++] = (struct pollfd){ .fd = fd, .events = POLLIN };
	}
	return count;
}

/* Sleeps until a loop has something to do, or until DEADLINE. */
static void parts_sleep(struct store_parts *parts, uint64_t deadline)
{
	struct pollfd fds[WEIR_DEVICES_MAX];
	nfds_t count = parts_descriptors(parts, fds);
	uint64_t now = clock_now(), ns = deadline > now ? deadline - now : 0;
	struct timespec left;

	/* Where the process has no more descriptors the loops are polled. */
	if (count + parts->missing < parts->count && ns > NSEC_PER_MSEC)
		ns = NSEC_PER_MSEC;
	left.tv_sec = (time_t)(ns / NSEC_PER_SEC);
	left.tv_nsec = (long)(ns % NSEC_PER_SEC);
	/* An interrupted sleep is followed by a turn, as any other. */
	(void)ppoll(fds, count, &left, NULL);
}

bool parts_wait_until(struct store_parts *parts, bool (*done)(const void *user), const void *user,
		      uint64_t deadline)
{
	bool is_done = done(user);

	while (!is_done) {
		parts_turn(parts);
		is_done = done(user);
		if (is_done)
			break;
		if (deadline != UINT64_MAX && clock_now() >= deadline)
			return false;
		parts_sleep(parts, deadline);
	}
	return is_done;
}

int parts_wait_poll(struct store_parts *parts)
{
	int err = 0;

	for (uint32_t n = 0; n < parts->count && err >= 0; n++)
		if (parts->part[n])
			err = weir_queue_poll(parts->part[n]->io.q);
	return err < 0 ? err : 0;
}

static int parts_watch(struct store_parts *parts)
{
	for (uint32_t n = 0; n < parts->count; n++) {
		struct epoll_event event = { .events = EPOLLIN };
		int fd = parts->part[n] ? weir_queue_fd(parts->part[n]->io.q) : -1;

		if (!parts->part[n])
			continue;
		if (fd < 0)
			return fd;
		if (epoll_ctl(parts->epoll, EPOLL_CTL_ADD, fd, &event))
			return error_sys(-errno, "cannot watch the devices of the store");
	}
	return 0;
}

int parts_wait_fd(struct store_parts *parts)
{
	int err;

	if (parts->epoll >= 0)
		return parts->epoll;
	parts->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (parts->epoll < 0)
		return error_sys(-errno, "cannot make a descriptor for the store");
	fork_fd_watch(&parts->epoll_watch, &parts->epoll);
	err = parts_watch(parts);
	if (!err)
		return parts->epoll;
	fork_fd_close(&parts->epoll_watch);
	return err;
}
