/* SPDX-License-Identifier: Apache-2.0 */
/*
 * uring_buffers.c - registers memory with a ring, so that I/O on it need not map it each time.
 *
 * The table belongs to the ring, and so to the lane's owner.
 */
#include <errno.h>
#include <string.h>
#include <sys/resource.h>

#include "base/error.h"
#include "engine/uring.h"

static int buffers_refused(int err, size_t length)
{
	struct rlimit limit = { 0 };

	if (err == -EFAULT)
		return error_set(
			err,
			"cannot register %zu KiB of memory with io_uring: not all of it is "
			"mapped readable and writable",
			length >> 10);
	if (err == -EOPNOTSUPP)
		return error_set(err,
				 "cannot register %zu KiB of memory with io_uring: it is a mapped "
				 "file, which this kernel does not pin",
				 length >> 10);
	if (err != -ENOMEM)
		return error_sys(err, "cannot register %zu KiB of memory with io_uring",
				 length >> 10);
	getrlimit(RLIMIT_MEMLOCK, &limit);
	return error_set(err,
			 "cannot register %zu KiB of memory with io_uring: RLIMIT_MEMLOCK is "
			 "%llu KiB, for all rings together: raise it (ulimit -l) or give the "
			 "program CAP_IPC_LOCK",
			 length >> 10, (unsigned long long)limit.rlim_cur >> 10);
}

void uring_set_buffer_refused(struct uring *u, uint32_t index, bool refused)
{
	uint64_t bit = 1ull << index % 64;

	if (refused)
		u->refused_buffers[index / 64] |= bit;
	else
		u->refused_buffers[index / 64] &= ~bit;
}

bool uring_buffer_is_refused(const struct uring *u, uint32_t index)
{
	return u->refused_buffers[index / 64] >> index % 64 & 1;
}

static int buffers_lost(const struct uring *u)
{
	return error_set(-EIO,
			 "cannot register memory: the queue's io_uring ring is gone (%s): close "
			 "and reopen the queue",
			 strerror(-u->broken));
}

int uring_register_buffer(struct engine *e, uint32_t index, void *base, size_t length)
{
	struct uring *u = (struct uring *)e;
	struct iovec iov = { .iov_base = base, .iov_len = length };
	__u64 no_tag = 0;
	int err;

	if (u->broken)
		return buffers_lost(u);
	if (!u->registered_buffers)
		return error_set(-EOPNOTSUPP,
				 "this kernel has no sparse table of io_uring buffers (5.19 or "
				 "later has)");
	if (index >= URING_BUFFERS)
		return error_set(-E2BIG, "more than %u registered buffers", URING_BUFFERS);
	err = io_uring_register_buffers_update_tag(&u->ring, index, &iov, &no_tag, 1);
	uring_set_buffer_refused(u, index, false); /* the new buffer may be another one */
	if (err == -EBADF) {
		uring_break(u, err);
		return buffers_lost(u);
	}
	return err < 0 ? buffers_refused(err, length) : 0;
}

int uring_unregister_buffer(struct engine *e, uint32_t index)
{
	struct uring *u = (struct uring *)e;
	struct iovec none = { .iov_base = NULL, .iov_len = 0 };
	__u64 no_tag = 0;
	int err;

	/* The ring is gone, and its buffers with it. */
	if (u->broken)
		return 0;
	err = io_uring_register_buffers_update_tag(&u->ring, index, &none, &no_tag, 1);
	return err < 0 ? err : 0;
}
