/* SPDX-License-Identifier: Apache-2.0 */
/*
 * uring_setup.c - makes a ring, from the best set-up that the kernel takes to the plainest.
 *
 * Owns the ring from uring_setup() to uring_teardown(), on the lane's owner: with SINGLE_ISSUER
 * no other thread may touch it.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "engine/uring.h"

/* Beside the commands the CQ holds wake-ups; room for them, so that it never overflows. */
#define SETUP_SPARE_CQES 64u

struct setup_rung {
	unsigned flags;
	const char *name;
	bool always_enter;
	bool fixed_cmds; /* kernels that know these flags take registered buffers in commands */
};

/* Best first. TASKRUN_FLAG lets reap() see in memory whether a system call would bring anything;
 * not every kernel takes it together with DEFER_TASKRUN. */
static const struct setup_rung setup_ladder[] = {
	{ IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_TASKRUN_FLAG,
	  "SINGLE_ISSUER|DEFER_TASKRUN|TASKRUN_FLAG", false, true },
	{ IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN, "SINGLE_ISSUER|DEFER_TASKRUN",
	  true, true },
	{ IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG, "COOP_TASKRUN|TASKRUN_FLAG", false,
	  false },
	{ 0, "no set-up flags", false, false },
};

#define SETUP_RUNGS (sizeof(setup_ladder) / sizeof(setup_ladder[0]))

/* kernel.io_uring_disabled, or -1 where the kernel has no such thing. */
static int setup_sysctl(void)
{
	FILE *f = fopen("/proc/sys/kernel/io_uring_disabled", "re");
	int value = -1;

	if (!f)
		return -1;
	if (fscanf(f, "%d", &value) != 1)
		value = -1;
	fclose(f);
	return value;
}

static void setup_why_memory(char *why, size_t size)
{
	struct rlimit limit = { 0 };

	getrlimit(RLIMIT_MEMLOCK, &limit);
	snprintf(why, size,
		 "the kernel refuses io_uring: no memory, or more than RLIMIT_MEMLOCK (%llu KiB) "
		 "allows: raise it (ulimit -l)",
		 (unsigned long long)limit.rlim_cur >> 10);
}

static void setup_why_denied(int err, char *why, size_t size)
{
	int value = setup_sysctl();

	if (value > 0)
		snprintf(why, size, "the kernel refuses io_uring: kernel.io_uring_disabled=%d (%s)",
			 value,
			 value == 1 ? "allowed with CAP_SYS_ADMIN and in kernel.io_uring_group"
				    : "an administrator can set it to 0");
	else
		snprintf(why, size,
			 "the kernel refuses io_uring: %s, as the seccomp filters of containers "
			 "and SELinux do",
			 strerror(-err));
}

/* What was wrong and what to do, for ERR from setting a ring up. */
static int setup_why(int err, char *why, size_t size)
{
	switch (err) {
	case -EPERM:
	case -EACCES:
		setup_why_denied(err, why, size);
		break;
	case -ENOSYS:
		snprintf(why, size,
			 "the kernel has no io_uring (5.13 or later has what is needed), or a "
			 "seccomp filter hides it");
		break;
	case -ENOMEM:
		setup_why_memory(why, size);
		break;
	default:
		snprintf(why, size, "the kernel refuses io_uring: %s", strerror(-err));
	}
	return err;
}

/*
 * As io_uring_queue_init_params(), which from version 2.5 on asks for a ring without the array
 * that uring_slots.c needs.
 */
static int setup_init(struct uring *u, unsigned entries, struct io_uring_params *params)
{
	int fd = io_uring_setup(entries, params), err;

	if (fd < 0)
		return fd;
	err = io_uring_queue_mmap(fd, params, &u->ring);
	if (err)
		close(fd);
	else
		u->ring.features = params->features;
	return err;
}

/* Goes down the ladder while the kernel says that it does not know the flags. */
static int setup_ring(struct uring *u, unsigned depth, const struct setup_rung **rung)
{
	int err = -EINVAL;

	for (size_t i = 0; i < SETUP_RUNGS && err == -EINVAL; i++) {
		struct io_uring_params params = { 0 };

		*rung = &setup_ladder[i];
		params.flags = setup_ladder[i].flags | IORING_SETUP_CQSIZE | u->kind->ring_flags;
		params.cq_entries = 2 * depth + SETUP_SPARE_CQES;
		/* One more for the poll on wake_fd. */
		err = setup_init(u, depth + 1, &params);
	}
	return err;
}

/* Does the kernel let commands pass through to drivers? Rings of that size came with it. */
static int setup_check_commands(struct uring *u, int err, char *why, size_t size)
{
	struct io_uring_probe *probe;
	bool known = false;

	if (!err) {
		probe = io_uring_get_probe_ring(&u->ring);
		known = probe && io_uring_opcode_supported(probe, IORING_OP_URING_CMD);
		io_uring_free_probe(probe);
		if (known)
			return 0;
		io_uring_queue_exit(&u->ring);
	}
	if (err && err != -EINVAL)
		return setup_why(err, why, size);
	snprintf(why, size, "io_uring_cmd requires kernel 5.19 or later");
	return -EOPNOTSUPP;
}

/*
 * A passthrough command that cannot be started at once is started by a worker of the kernel, which
 * belongs to this thread. The first worker is made in a system call of ours. More would be made
 * while an interrupt is served, and Linux with x32 (Debian's) then believes that they work for a
 * 32-bit program: addresses lose their upper half, and commands end with -EFAULT. One will do, as
 * it only hands commands to the drive.
 */
static void setup_one_worker(struct uring *u)
{
	unsigned most[2] = { 1, 0 }; /* for files and devices; for all else: as it was */

	io_uring_register_iowq_max_workers(&u->ring, most);
}

/* The device, and what tells that the ring has ended. */
static void setup_register_files(struct uring *u)
{
	struct fork_fd watch = { 0 };
	int files[2] = { u->target.fd, -1 };

	uring_gone_open(u, &watch, &files[1]);
	u->fixed_file = !io_uring_register_files(&u->ring, files, 2);
	fork_fd_close(&watch); /* the kernel has it now, and nobody else */
	if (!u->fixed_file)
		fork_fd_close(&u->gone_watch);
}

/* Each is worth having, none is needed. */
static void setup_register(struct uring *u, const struct setup_rung *rung)
{
	if (u->kind->ring_flags)
		setup_one_worker(u);
	setup_register_files(u);
	u->fixed_buffers = (!u->kind->ring_flags || rung->fixed_cmds) &&
			   !io_uring_register_buffers_sparse(&u->ring, URING_BUFFERS);
}

int uring_setup(struct uring *u, unsigned depth, char *why, size_t size)
{
	const struct setup_rung *rung = NULL;
	int err = setup_ring(u, depth, &rung);

	u->gone_fd = -1;
	if (u->kind->ring_flags)
		err = setup_check_commands(u, err, why, size);
	else if (err)
		setup_why(err, why, size);
	if (err)
		return err;
	/* This feature came with the multishot poll and the buffer table that wait() and
	 * register_buffer() need. */
	if (!(u->ring.features & IORING_FEAT_RSRC_TAGS)) {
		io_uring_queue_exit(&u->ring);
		snprintf(why, size, "its io_uring is too old: kernel 5.13 or later is needed");
		return -EOPNOTSUPP;
	}
	/* One more than commands: see setup_ring(). */
	err = uring_slots_init(u, depth + 1);
	if (err) {
		io_uring_queue_exit(&u->ring);
		snprintf(why, size, "no memory");
		return err;
	}
	setup_register(u, rung);
	u->always_enter = rung->always_enter;
	u->rung = rung->name;
	snprintf(u->text, sizeof(u->text), "%s: %s, %s file, %s buffers", u->kind->name, rung->name,
		 u->fixed_file ? "registered" : "unregistered",
		 u->fixed_buffers ? "fixed" : "no fixed");
	return 0;
}

void uring_teardown(struct uring *u)
{
	/* The kernel ends a ring behind our back, some time after its last descriptor is closed.
	 * The device's file and its lock must not live so long. */
	int err = 0;

	if (!u->closed) {
		if (u->fixed_file)
			err = io_uring_unregister_files(&u->ring);
		if (u->fixed_buffers)
			io_uring_unregister_buffers(&u->ring);
		/* Another file may have got a descriptor that the program closed. */
		uring_ring_close(u, err != -EBADF && err != -EOPNOTSUPP && err != -ENXIO);
	}
	if (err || u->broken)
		uring_gone_wait(u);
	fork_fd_close(&u->gone_watch);
	uring_slots_free(u);
}
