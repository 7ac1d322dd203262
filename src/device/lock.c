/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lock.c - reserves a device for one process, and tells who has it.
 *
 * The lock is on the open file description that I/O uses, so a killed process keeps it until its
 * last write has finished. On a block device, an additional exclusive open keeps mounts and other
 * drivers away. The opening thread owns the device during this time.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"
#include "device/place.h"
#include "device/state.h"
#include "device/sysfs.h"

#define LOCK_PAUSE_NS 5000000
#define LOCK_TRIES_DEAD 1000 /* tries for 5 s */
/* Tries for 2 s: in a container, /proc/locks does not show the lock of a process that is gone. */
#define LOCK_TRIES_UNKNOWN 400

/* Returns the pid if LINE of /proc/locks shows a lock on the file ST that is held, not waited
 * for. */
static int lock_line_pid(const char *line, const struct stat *st)
{
	unsigned maj, min;
	uintmax_t ino;
	int pid;

	if (sscanf(line, "%*[0-9]: FLOCK %*s %*s %d %x:%x:%ju", &pid, &maj, &min, &ino) != 4)
		return 0;
	if (maj != major(st->st_dev) || min != minor(st->st_dev) || ino != st->st_ino)
		return 0;
	return pid;
}

int device_lock_holder(const char *locks, const struct stat *st)
{
	char line[256];
	FILE *f = fopen(locks, "re");
	int pid = 0;

	if (!f)
		return 0;
	while (pid <= 0 && fgets(line, sizeof(line), f))
		pid = lock_line_pid(line, st);
	fclose(f);
	return pid > 0 ? pid : 0;
}

/* Returns the pid of the process that locked FD's file, or 0 if the kernel does not tell. */
static int lock_holder(int fd)
{
	struct stat st;

	return fstat(fd, &st) < 0 ? 0 : device_lock_holder("/proc/locks", &st);
}

static int lock_busy(const struct weir_device *dev, int pid)
{
	char dir[32], comm[32];

	if (!pid)
		return error_set(-EBUSY, "%s: in use by another process", dev->path);
	if (pid == getpid())
		return error_set(-EBUSY, "%s: in use by this process (pid %d) already", dev->path,
				 pid);
	snprintf(dir, sizeof(dir), "/proc/%d", pid);
	if (sysfs_read_line(dir, "comm", comm, sizeof(comm)) < 0)
		return error_set(-EBUSY, "%s: in use by pid %d", dev->path, pid);
	return error_set(-EBUSY, "%s: in use by pid %d (%s)", dev->path, pid, comm);
}

/* Returns the block device that mounts and other drivers would use, or NULL. */
static const char *lock_claim_path(const struct weir_device *dev, char *path, size_t size)
{
	if (dev->info.kind == WEIR_DEVICE_BLOCK)
		return dev->path;
	if (dev->info.kind != WEIR_DEVICE_NVME_CHAR || !dev->block_name[0])
		return NULL;
	/* A user who was given only the character device may not be able to look at the block
	 * device. */
	snprintf(path, size, "/dev/%s", dev->block_name);
	return access(path, R_OK) < 0 ? NULL : path;
}

static int lock_claim(struct weir_device *dev)
{
	char beside[64];
	const char *path = lock_claim_path(dev, beside, sizeof(beside));

	if (!path || device_read_only(dev) || dev->claim_fd >= 0)
		return 0;
	dev->claim_fd = open(path, O_RDONLY | O_EXCL | O_NONBLOCK | O_CLOEXEC);
	if (dev->claim_fd >= 0)
		return 0;
	if (errno == EBUSY)
		return error_set(-EBUSY,
				 "%s: in use by the system (mounted, swap, or part of another "
				 "device): see lsblk",
				 dev->path);
	return error_sys(-errno, "%s: cannot open it exclusively", dev->path);
}

/* Returns true if another try is worth it, after TRIES tries, for a lock that PID holds. */
static bool lock_may_pass(int pid, int tries)
{
	if (pid <= 0)
		return tries < LOCK_TRIES_UNKNOWN;
	return kill(pid, 0) < 0 && errno == ESRCH && tries < LOCK_TRIES_DEAD;
}

/*
 * Takes the lock, and waits for a killed process to lose it. The kernel closes the rings of a
 * killed process some time after it is gone, and they keep its lock; a program that starts right
 * afterwards must wait for that. The lock may also become free between the try and the question who
 * has it, so tries are counted from 0 for each new answer.
 */
static int lock_take(struct weir_device *dev)
{
	struct timespec pause = { .tv_nsec = LOCK_PAUSE_NS };
	int tries = 0, before = 0, pid;

	while (flock(dev->fd, LOCK_EX | LOCK_NB) < 0) {
		if (errno != EWOULDBLOCK)
			return error_sys(-errno, "%s: cannot lock it", dev->path);
		pid = lock_holder(dev->fd);
		tries = pid == before ? tries + 1 : 0;
		before = pid;
		if (!lock_may_pass(pid, tries))
			return lock_busy(dev, pid);
		nanosleep(&pause, NULL);
	}
	return 0;
}

/*
 * Checks the lock of the other name. An NVMe namespace has two names with a lock each, and whoever
 * has the other lock writes to the same blocks. Each process looks after it has taken its own lock,
 * so two processes never both continue.
 */
static int lock_check_other_name(const struct weir_device *dev)
{
	char path[PLACE_NAME + 8], ng[PLACE_NAME];
	struct device_place place;
	struct stat st;
	int pid;

	if (fstat(dev->fd, &st) < 0)
		return error_sys(-errno, "%s", dev->path);
	device_place_find(&place, &st, "");
	if (place.ng)
		snprintf(path, sizeof(path), "/dev/%s", place.disk);
	else if (place.block && !place.part[0] && device_ng_beside(place.disk, ng))
		snprintf(path, sizeof(path), "/dev/%s", ng);
	else
		return 0;
	pid = stat(path, &st) < 0 ? 0 : device_lock_holder("/proc/locks", &st);
	return pid ? lock_busy(dev, pid) : 0;
}

int device_lock(struct weir_device *dev)
{
	int err;

	if (dev->fd < 0)
		return 0;
	err = lock_take(dev);
	if (err < 0)
		return err;
	err = lock_check_other_name(dev);
	if (!err)
		err = lock_claim(dev);
	if (err < 0)
		flock(dev->fd, LOCK_UN);
	return err;
}
