/* SPDX-License-Identifier: Apache-2.0 */
/* stream.c - sends and receives frames within a time. See stream.h. */
#include "control/stream.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "base/clock.h"

int control_wait(int fd, short events, uint64_t deadline)
{
	struct pollfd p = { .fd = fd, .events = events };

	for (;;) {
		uint64_t now = clock_now();
		uint64_t ms =
			now < deadline ? (deadline - now + NSEC_PER_MSEC - 1) / NSEC_PER_MSEC : 0;
		int n = poll(&p, 1, ms > INT32_MAX ? -1 : (int)ms);

		if (n > 0)
			return 0;
		if (n < 0 && errno != EINTR)
			return -errno;
		if (!n && clock_now() >= deadline)
			return -ETIMEDOUT;
	}
}

int control_receive(int fd, void *buf, size_t length, uint64_t deadline)
{
	size_t done = 0;

	while (done < length) {
		ssize_t n = recv(fd, (char *)buf + done, length - done, 0);
		int err = 0;

		if (!n)
			return -EPIPE;
		if (n > 0)
			done += (size_t)n;
		else if (errno == EAGAIN)
			err = control_wait(fd, POLLIN, deadline);
		else if (errno != EINTR)
			err = errno == ECONNRESET ? -EPIPE : -errno;
		if (err)
			return err;
		/* An end that sends one byte at a time gets no more time for that. */
		if (done < length && clock_now() >= deadline)
			return -ETIMEDOUT;
	}
	return 0;
}

/* Takes N bytes off the front of the two pieces of M. */
static void stream_advance(struct msghdr *m, size_t n)
{
	while (m->msg_iovlen && n >= m->msg_iov->iov_len) {
		n -= m->msg_iov->iov_len;
		m->msg_iov++;
		m->msg_iovlen--;
	}
	if (m->msg_iovlen) {
		m->msg_iov->iov_base = (char *)m->msg_iov->iov_base + n;
		m->msg_iov->iov_len -= n;
	}
}

int control_send_frame(int fd, uint32_t kind, int result, const void *body, size_t length,
		       uint64_t deadline)
{
	struct control_frame frame = { .magic = CONTROL_MAGIC,
				       .version = CONTROL_VERSION,
				       .kind = (uint16_t)kind,
				       .length = (uint32_t)length,
				       .result = result };
	struct iovec iov[2] = { { &frame, sizeof(frame) }, { (void *)(uintptr_t)body, length } };
	struct msghdr m = { .msg_iov = iov, .msg_iovlen = length ? 2 : 1 };

	while (m.msg_iovlen) {
		ssize_t n = sendmsg(fd, &m, MSG_NOSIGNAL);
		int err = 0;

		if (n >= 0)
			stream_advance(&m, (size_t)n);
		else if (errno == EAGAIN)
			err = control_wait(fd, POLLOUT, deadline);
		else if (errno != EINTR)
			err = errno == ECONNRESET ? -EPIPE : -errno;
		if (err)
			return err;
		if (m.msg_iovlen && clock_now() >= deadline)
			return -ETIMEDOUT;
	}
	return 0;
}
