/* SPDX-License-Identifier: Apache-2.0 */
/*
 * open.c - opens a path and finds all facts about the device. The opening thread owns the device
 * until weir_device_open() returns.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/error.h"
#include "base/opts.h"
#include "base/parse.h"
#include "device/below.h"
#include "device/claims.h"
#include "device/state.h"
#include "device/sysfs.h"

#define OPEN_NULL_BYTES (1ull << 40)
#define OPEN_FLAGS_KNOWN                                                                           \
	(WEIR_DEVICE_READ_ONLY | WEIR_DEVICE_CREATE | WEIR_DEVICE_BUFFERED | WEIR_DEVICE_LOCK)

static int open_check_opts(const char *path, const struct weir_device_opts *opts)
{
	if (opts->flags & ~(uint32_t)OPEN_FLAGS_KNOWN)
		return error_set(-EINVAL, "%s: unknown flags 0x%x", path,
				 opts->flags & ~(uint32_t)OPEN_FLAGS_KNOWN);
	if ((opts->flags & WEIR_DEVICE_READ_ONLY) && (opts->flags & WEIR_DEVICE_CREATE))
		return error_set(-EINVAL, "%s: cannot create a file and open it read-only", path);
	return 0;
}

static bool open_is_null(const char *path)
{
	return !strcmp(path, "null") || !strncmp(path, "null:", 5);
}

static int open_null(struct weir_device *dev)
{
	dev->info.kind = WEIR_DEVICE_NULL;
	dev->bytes = OPEN_NULL_BYTES;
	dev->bytes_source = "default";
	dev->block = DEVICE_BLOCK_MIN;
	dev->dio_offset = dev->dio_mem = 1;
	dev->block_source = dev->dio_offset_source = dev->dio_mem_source = "null";
	if (dev->path[4] != ':')
		return 0;
	dev->bytes_source = "path";
	return parse_size(dev->path + 5, &dev->bytes);
}

static int open_failed(const struct weir_device *dev, int err)
{
	if (device_check_writable(dev))
		return -EROFS;
	if (err == -ENODEV || err == -ENXIO)
		return error_sys(-ENODEV, "%s: there is no device behind this name any more",
				 dev->path);
	if (err == -EMFILE || err == -ENFILE)
		return error_sys(err, "%s: the limit on open files (ulimit -n)", dev->path);
	if (device_read_only(dev) || (err != -EACCES && err != -EROFS && err != -EPERM))
		return error_sys(err, "%s", dev->path);
	return error_sys(err, "%s: cannot open it for writing (check who may: ls -l)", dev->path);
}

/* O_NONBLOCK is set because the path may name something else by now, and opening that must not
 * wait. */
static int open_existing(struct weir_device *dev)
{
	int flags = O_CLOEXEC | O_NOCTTY | O_NONBLOCK;

	flags |= device_read_only(dev) ? O_RDONLY : O_RDWR;
	dev->fd = open(dev->path, flags);
	return dev->fd < 0 ? open_failed(dev, -errno) : 0;
}

static int open_set_direct(struct weir_device *dev)
{
	if (dev->info.kind == WEIR_DEVICE_NVME_CHAR)
		return fcntl(dev->fd, F_SETFL, 0) < 0
			       ? error_sys(-errno, "%s: cannot set its open flags", dev->path)
			       : 0;
	dev->direct = !(dev->flags & WEIR_DEVICE_BUFFERED) && !fcntl(dev->fd, F_SETFL, O_DIRECT);
	if (!dev->direct && fcntl(dev->fd, F_SETFL, 0) < 0)
		return error_sys(-errno, "%s: cannot set its open flags", dev->path);
	return 0;
}

/* The size of the open descriptor counts, not what the path named before. */
static int open_find_size(struct weir_device *dev)
{
	struct stat st;
	dev_t beneath;

	if (fstat(dev->fd, &st) < 0)
		return error_sys(-errno, "%s", dev->path);
	if (S_ISREG(st.st_mode)) {
		dev->info.kind = WEIR_DEVICE_FILE;
		dev->bytes = (uint64_t)st.st_size;
		dev->bytes_source = "fstat";
		beneath = st.st_dev;
	} else if (S_ISBLK(st.st_mode)) {
		dev->info.kind = WEIR_DEVICE_BLOCK;
		if (ioctl(dev->fd, BLKGETSIZE64, &dev->bytes) < 0)
			return error_sys(-errno, "%s: cannot read its size", dev->path);
		dev->bytes_source = "BLKGETSIZE64";
		beneath = st.st_rdev;
	} else if (S_ISCHR(st.st_mode) && dev->info.kind == WEIR_DEVICE_NVME_CHAR) {
		return device_nvme_settle(dev, st.st_rdev);
	} else {
		return error_set(-ENOTSUP, "%s: neither a file nor a block device", dev->path);
	}
	if (!sysfs_queue_dir(beneath, dev->queue_dir, sizeof(dev->queue_dir)) ||
	    dev->info.kind == WEIR_DEVICE_BLOCK) {
		dev->info.dev_major = major(beneath);
		dev->info.dev_minor = minor(beneath);
	}
	return 0;
}

static void open_note_sparse(struct weir_device *dev)
{
	char have[32], size[32];
	struct stat st;
	uint64_t used;

	if (dev->info.kind != WEIR_DEVICE_FILE || fstat(dev->fd, &st) < 0)
		return;
	used = (uint64_t)st.st_blocks * 512;
	if (used >= dev->bytes - dev->bytes / 10)
		return;
	device_add_note(dev,
			"the file is sparse (%s of %s have space): writes are slower and can run "
			"out of space; fallocate it or write it once in full",
			format_size(used, have, sizeof(have)),
			format_size(dev->bytes, size, sizeof(size)));
}

/* If the origin cannot be found, the device still works: other names of it do not lead to it. */
static void open_find_origin(struct weir_device *dev)
{
	struct device_origin origin;

	if (device_origin_find(&origin, dev->fd) < 0)
		return;
	dev->info.origin_device = origin.dev;
	dev->info.origin_inode = origin.ino;
	dev->info.origin_start = origin.start;
	dev->info.origin_user = origin.uid;
}

/* Finds the facts about the open file descriptor. */
static int open_probe(struct weir_device *dev)
{
	int err = open_find_size(dev);

	if (!err)
		err = device_check_zones(dev);
	if (!err)
		err = device_check_writable(dev);
	if (!err && dev->info.kind == WEIR_DEVICE_FILE && !device_read_only(dev))
		err = device_check_file_limit(dev->path, dev->bytes);
	if (!err)
		err = open_set_direct(dev);
	if (!err && dev->info.kind != WEIR_DEVICE_NVME_CHAR)
		err = device_settle_direct(dev);
	if (err < 0)
		return err;
	if (!dev->direct && !(dev->flags & WEIR_DEVICE_BUFFERED))
		device_add_note(dev, "direct I/O is refused by this filesystem: buffered I/O, "
				     "through the page cache");
	open_note_sparse(dev);
	open_find_origin(dev);
	return 0;
}

/* Refuses to write to a device that the system uses, and locks it if that is wanted. */
static int open_lock(struct weir_device *dev)
{
	struct device_claims claims;
	int err;

	if (dev->flags & WEIR_DEVICE_LOCK)
		return device_lock(dev);
	err = device_claim_check(dev, &claims);
	/* It may be another weir that uses a loop device on it. The lock's words name that one. */
	if (err == -EBUSY && !device_lock(dev)) {
		device_unlock(dev);
		err = device_claim_check(dev, &claims);
	}
	return err;
}

/*
 * Locks the new file before it gets its space, so that nobody else uses it while it is not
 * finished. A process that locks it between creation and lock finds an empty file, and keeps it.
 */
static int open_new(struct weir_device *dev, const struct weir_device_opts *opts)
{
	int err = device_create(dev->path, opts, &dev->fd);

	if (err < 0)
		return err;
	dev->info.kind = WEIR_DEVICE_FILE;
	err = open_lock(dev);
	if (err < 0)
		return err;
	err = device_preallocate(dev->path, opts, dev->fd);
	if (!err)
		err = open_probe(dev);
	if (err < 0)
		unlink(dev->path);
	return err;
}

static int open_old(struct weir_device *dev)
{
	bool nvme = dev->info.kind == WEIR_DEVICE_NVME_CHAR;
	int err = open_existing(dev);

	/* The probe finds the block device beside a character device, and that one is locked as
	 * well. */
	if (!err && nvme)
		err = open_probe(dev);
	if (!err)
		err = open_lock(dev);
	return err || nvme ? err : open_probe(dev);
}

static int open_path(struct weir_device *dev, const struct weir_device_opts *opts)
{
	int err;

	if (open_is_null(dev->path))
		return open_null(dev);
	err = device_kind(dev->path, &dev->info.kind);
	if (err == -ENOENT && (dev->flags & WEIR_DEVICE_CREATE)) {
		err = open_new(dev, opts);
		if (err != -EEXIST)
			return err;
		err = device_kind(dev->path, &dev->info.kind);
	}
	return err ? err : open_old(dev);
}

static struct weir_device *open_alloc(const char *path)
{
	struct weir_device *dev = calloc(1, sizeof(*dev) + strlen(path) + 1);

	if (!dev) {
		error_set(-ENOMEM, "%s: no memory to open it", path);
		return NULL;
	}
	strcpy(dev->path, path);
	dev->info.size = sizeof(dev->info);
	dev->process = fork_process();
	dev->fd = dev->claim_fd = -1;
	fork_fd_watch(&dev->fd_watch, &dev->fd);
	fork_fd_watch(&dev->claim_watch, &dev->claim_fd);
	for (size_t i = 0; i < DEVICE_BACKINGS; i++) {
		dev->backings[i].fd = -1;
		fork_fd_watch(&dev->backings[i].watch, &dev->backings[i].fd);
	}
	return dev;
}

static int open_device(struct weir_device **out, const char *path,
		       const struct weir_device_opts *user)
{
	struct weir_device_opts opts = WEIR_DEVICE_OPTS_INIT;
	struct weir_device *dev;
	int err = opts_copy(&opts, sizeof(opts), user, user ? user->size : 0);

	if (!err)
		err = open_check_opts(path, &opts);
	if (err < 0)
		return err;
	dev = open_alloc(path);
	if (!dev)
		return -ENOMEM;
	dev->flags = opts.flags;
	dev->lock_wait_ns = opts.lock_wait_ns;
	err = open_path(dev, &opts);
	if (err < 0) {
		weir_device_close(dev);
		return err;
	}
	device_fill_attrs(dev);
	device_remember(dev);
	*out = dev;
	return 0;
}

int weir_device_open(struct weir_device **out, const char *path,
		     const struct weir_device_opts *user)
{
	struct error_scope scope;

	error_begin(&scope);
	return error_end(&scope, open_device(out, path, user), "%s", path ? path : "no path");
}
