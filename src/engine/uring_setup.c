/* SPDX-License-Identifier: Apache-2.0 */
/*
 * uring_setup.c - makes a ring with the best set-up that the kernel accepts.
 *
 * Owns the ring from uring_setup() to uring_teardown(), on the lane's owner: with SINGLE_ISSUER no
 * other thread may touch it.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "engine/uring.h"

/* Additional CQEs for wake-ups, so that the CQ never overflows. */
#define SETUP_SPARE_CQES 64u

struct setup_rung {
	unsigned flags;
	const char *name;
	bool always_enter;
	/* Kernels that know these flags accept registered buffers in passthrough commands. */
	bool registered_cmds;
};

/* The best set-up is first. TASKRUN_FLAG lets reap() see in memory whether a system call would
 * bring anything; not every kernel accepts it together with DEFER_TASKRUN. */
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

/* Returns the value of kernel.io_uring_disabled, or -1 if the kernel does not have it. */
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

/* Writes to WHY what was wrong and what to do, for ERR from setting up a ring. */
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
 * Does what io_uring_queue_init_params() does. From version 2.5 on that function makes a ring
 * without the array that uring_slots.c needs.
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

/* Tries one set-up after another while the kernel says that it does not know the flags. */
static int setup_ring(struct uring *u, unsigned depth, const struct setup_rung **rung)
{
	int err = -EINVAL;

	for (size_t i = 0; i < SETUP_RUNGS && err == -EINVAL; i++) {
		struct io_uring_params params = { 0 };

		*rung = &setup_ladder[i];
		params.flags = setup_ladder[i].flags | IORING_SETUP_CQSIZE | u->kind->ring_flags;
		params.cq_entries = 2 * depth + SETUP_SPARE_CQES;
		/* The poll on wake_fd needs one entry more. */
		err = setup_init(u, depth + 1, &params);
	}
	return err;
}

/* Checks whether the kernel passes commands through to drivers. Rings with these sizes came with
 * the same version. */
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
 * Limits the kernel's workers of this thread to one. A worker starts a passthrough command that
 * cannot be started at once. The first worker is made in a system call of this thread. Further ones
 * would be made during an interrupt, and Linux with x32 (Debian's) then thinks that they work for a
 * 32-bit program: addresses lose their upper half, and commands end with -EFAULT. One worker is
 * enough, because it only gives commands to the drive.
 */
static void setup_one_worker(struct uring *u)
{
	unsigned most[2] = { 1, 0 }; /* for files and devices; 0 leaves the other limit as it was */

	io_uring_register_iowq_max_workers(&u->ring, most);
}

/* Registers the device, and the pipe that tells that the ring has ended. */
static void setup_register_files(struct uring *u)
{
	struct fork_fd watch = { 0 };
	int files[2] = { u->target.fd, -1 };

	uring_gone_open(u, &watch, &files[1]);
	u->registered_file = !io_uring_register_files(&u->ring, files, 2);
	fork_fd_close(&watch); /* only the kernel has it now */
	if (!u->registered_file)
		fork_fd_close(&u->gone_watch);
}

/* Each registration is useful, and none is required. */
static void setup_register(struct uring *u, const struct setup_rung *rung)
{
	if (u->kind->ring_flags)
		setup_one_worker(u);
	setup_register_files(u);
	u->registered_buffers = (!u->kind->ring_flags || rung->registered_cmds) &&
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
	/* The kernel got this feature together with the multishot poll that wait() needs and the
	 * buffer table that register_buffer() needs. */
	if (!(u->ring.features & IORING_FEAT_RSRC_TAGS)) {
		io_uring_queue_exit(&u->ring);
		snprintf(why, size, "its io_uring is too old: kernel 5.13 or later is needed");
		return -EOPNOTSUPP;
	}
	/* There is one slot more than commands: see setup_ring(). */
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
		 u->registered_file ? "registered" : "unregistered",
		 u->registered_buffers ? "registered" : "unregistered");
	return 0;
}

void uring_teardown(struct uring *u)
{
	/* The kernel ends a ring in the background, some time after its last descriptor is closed.
	 * The device's file and its lock must not live that long. */
	int err = 0;

	if (!u->closed) {
		if (u->registered_file)
			err = io_uring_unregister_files(&u->ring);
		if (u->registered_buffers)
			io_uring_unregister_buffers(&u->ring);
		/* Another file may have got a descriptor that the program closed. */
		uring_ring_close(u, err != -EBADF && err != -EOPNOTSUPP && err != -ENXIO);
	}
	if (err || u->broken)
		uring_gone_wait(u);
	fork_fd_close(&u->gone_watch);
	uring_slots_free(u);
}
