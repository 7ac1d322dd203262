/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arena.c - makes, sends, receives and maps the memory of arena.h.
 *
 * The owner of a store reads and writes what a client has made. A file that was cut short would
 * end it with SIGBUS, so it takes only one that is sealed against that.
 */
#include "control/arena.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/error.h"
#include "control/share.h"
#include "control/stream.h"

/* Room for one descriptor, aligned as the kernel wants it. */
union arena_control {
	char bytes[CMSG_SPACE(sizeof(int))];
	struct cmsghdr align;
};

static int arena_map(struct control_arena *a, int fd, uint64_t bytes)
{
	void *base = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (base == MAP_FAILED)
		return error_sys(-errno, "cannot map %llu bytes of shared memory",
				 (unsigned long long)bytes);
	(void)madvise(base, bytes, MADV_DONTFORK);
	(void)madvise(base, bytes, MADV_HUGEPAGE);
	*a = (struct control_arena){ base, bytes };
	return 0;
}

static int arena_make(uint64_t bytes)
{
	int fd = memfd_create("weir-values", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0)
		return error_sys(-errno, "cannot make shared memory");
	if (!ftruncate(fd, (off_t)bytes) &&
	    !fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL))
		return fd;
	error_sys(-errno, "cannot make %llu bytes of shared memory", (unsigned long long)bytes);
	close(fd);
	return -ENOMEM;
}

/* Sends FD and what is said of it. The socket takes both at once: it has room for them. */
static int arena_send(int socket, int fd, uint64_t bytes)
{
	struct share_begin begin = { .arena_bytes = bytes };
	struct iovec iov = { &begin, sizeof(begin) };
	union arena_control control = { .bytes = { 0 } };
	struct msghdr m = { .msg_iov = &iov,
			    .msg_iovlen = 1,
			    .msg_control = control.bytes,
			    .msg_controllen = sizeof(control.bytes) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);
	ssize_t n;

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(fd));
	memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	do
		n = sendmsg(socket, &m, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	if (n != (ssize_t)sizeof(begin))
		return error_sys(n < 0 ? -errno : -EPROTO, "cannot send shared memory");
	return 0;
}

int control_arena_give(struct control_arena *a, uint64_t bytes, int socket, uint64_t deadline)
{
	int fd = arena_make(bytes), err;

	if (fd < 0)
		return fd;
	err = control_wait(socket, POLLOUT, deadline);
	if (err)
		error_sys(err, "cannot send shared memory");
	if (!err)
		err = arena_map(a, fd, bytes);
	if (!err)
		err = arena_send(socket, fd, bytes);
	if (err)
		control_arena_free(a);
	close(fd);
	return err;
}

/* Returns the descriptor that came with M, or -1. Others that came too are closed. */
static int arena_descriptor(struct msghdr *m)
{
	int found = -1;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
		size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t i = 0; i < n; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(c) + i * sizeof(fd), sizeof(fd));
			if (found >= 0)
				close(fd);
			else
				found = fd;
		}
	}
	return found;
}

/* Receives a struct share_begin and returns the descriptor with it, or -errno. */
static int arena_receive(int socket, struct share_begin *begin)
{
	struct iovec iov = { begin, sizeof(*begin) };
	union arena_control control = { .bytes = { 0 } };
	struct msghdr m = { .msg_iov = &iov,
			    .msg_iovlen = 1,
			    .msg_control = control.bytes,
			    .msg_controllen = sizeof(control.bytes) };
	ssize_t n;
	int fd;

	do
		n = recvmsg(socket, &m, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return error_sys(-errno, "cannot receive shared memory");
	fd = arena_descriptor(&m);
	if (fd >= 0 && n == (ssize_t)sizeof(*begin) && !(m.msg_flags & MSG_CTRUNC))
		return fd;
	if (fd >= 0)
		close(fd);
	return n ? error_set(-EPROTO, "no shared memory came") : -EPIPE;
}

static int arena_check(int fd, uint64_t bytes, uint64_t max)
{
	int seals = fcntl(fd, F_GET_SEALS);
	struct statfs fs;
	struct stat st;

	if (seals < 0 || !(seals & F_SEAL_SHRINK))
		return error_set(-EPROTO, "the shared memory could shrink");
	/* Holes can be cut into huge pages, and where the machine has none left to fill them, a
	 * touch ends the process all the same. */
	if (fstatfs(fd, &fs) < 0 || fs.f_type != TMPFS_MAGIC)
		return error_set(-EPROTO, "the shared memory is not of ordinary pages");
	if (bytes > max)
		return error_set(-EPROTO, "shared memory of %llu bytes, and %llu are the most",
				 (unsigned long long)bytes, (unsigned long long)max);
	if (!bytes || bytes % ARENA_GRAIN || fstat(fd, &st) < 0 || (uint64_t)st.st_size < bytes)
		return error_set(-EPROTO, "shared memory that does not have %llu bytes",
				 (unsigned long long)bytes);
	return 0;
}

int control_arena_take(struct control_arena *a, uint64_t max, int socket, uint64_t deadline)
{
	struct share_begin begin;
	int fd, err = control_wait(socket, POLLIN, deadline);

	if (err)
		return error_sys(err, "no shared memory came");
	fd = arena_receive(socket, &begin);
	if (fd < 0)
		return fd;
	err = arena_check(fd, begin.arena_bytes, max);
	if (!err)
		err = arena_map(a, fd, begin.arena_bytes);
	close(fd);
	return err;
}

void control_arena_free(struct control_arena *a)
{
	if (a->base)
		munmap(a->base, a->bytes);
	*a = (struct control_arena){ 0 };
}
