/* SPDX-License-Identifier: Apache-2.0 */
/*
 * state.h - the device inside this layer, and how the files share the work of opening one.
 *
 * One thread makes a device in weir_device_open(). It does not change afterwards, so any thread may
 * read it. The exception is device_lock(), which one thread calls before the device is used.
 */
#ifndef DEVICE_STATE_H
#define DEVICE_STATE_H

#include <stdbool.h>
#include <sys/types.h>

#include <weir/fdp.h>

#include "base/fork.h"
#include "device/device.h"

#define DEVICE_ATTRS 20
#define DEVICE_BACKINGS 4 /* loop devices on loop devices */
#define DEVICE_SOURCE_BYTES 128
#define DEVICE_NOTE_BYTES 384
#define DEVICE_WORDS_BYTES 192
#define DEVICE_BLOCK_MIN 512u	 /* logical block, if nobody gives another */
#define DEVICE_BLOCK_LARGE 4096u /* the other size that drives have */

/* What lies below a loop device. Owned by backing.c. */
struct device_backing {
	int fd; /* -1: nothing, or it could not be opened */
	struct fork_fd watch;
	bool looked;	 /* it was tried to open it */
	bool part;	 /* only a part of it is used: the range below */
	uint64_t start;	 /* in bytes */
	uint64_t length; /* 0: to the end */
};

struct weir_device {
	struct weir_device_info info;
	int fd; /* for all I/O and the lock; -1 for "null" */
	/* Keeps mounts and other drivers away from a block device; -1: not held. */
	int claim_fd;
	struct fork_fd fd_watch, claim_watch;
	struct device_backing backings[DEVICE_BACKINGS]; /* from the top down */
	uint64_t lock_wait_ns;				 /* how long to wait for the lock */
	uint32_t process;				 /* the process that opened it */
	uint32_t flags;
	bool direct; /* fd has O_DIRECT */
	dev_t rdev;  /* device number */
	/* Inode of its sysfs folder when it was opened; 0: nobody knows. */
	uint64_t sysfs_inode;
	char queue_dir[64];  /* its folder queue/ in sysfs, or "" */
	char block_path[96]; /* its logical_block_size, if that was used */
	uint64_t bytes;	     /* size as found, not rounded */
	const char *bytes_source;
	uint32_t block, dio_offset, dio_mem; /* logical block; alignments for direct I/O */
	const char *block_source, *dio_offset_source, *dio_mem_source;
	struct weir_device_attr attrs[DEVICE_ATTRS];
	char sources[DEVICE_ATTRS]
		    [DEVICE_SOURCE_BYTES]; /* the texts to which attrs[].source points */
	size_t nr_attrs;
	struct device_nvme nvme; /* facts about an NVMe character device */
	struct weir_fdp *fdp;	 /* what it told about placement ids; NULL: it told nothing */
	char fdp_words[DEVICE_WORDS_BYTES]; /* why it told nothing */
	char block_name[40];		    /* the block device beside it, "nvme0n1" */
	char note[DEVICE_NOTE_BYTES];
	char path[];
};

/* Appends TEXT to the note. */
void device_add_note(struct weir_device *dev, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/*
 * kind.c: finds out what PATH is. Returns 0 with *KIND, or -errno with an error text if weir cannot
 * use it (-EISDIR, -ENOTSUP, -EOPNOTSUPP) or cannot find it (-ENOENT ...).
 */
int device_kind(const char *path, enum weir_device_kind *kind);

/*
 * create.c: creates the regular file dev->path, which must not exist yet. *FD becomes its
 * descriptor; the file is empty. -EEXIST means that somebody else was quicker.
 */
int device_create(const char *path, const struct weir_device_opts *opts, int *fd);

/*
 * create.c: gives FD, just created, real space of opts->create_bytes, and makes its name durable.
 * The text of -ENOSPC says how much is missing. On failure the caller removes the file.
 */
int device_preallocate(const char *path, const struct weir_device_opts *opts, int fd);

/*
 * direct.c: finds logical block, direct I/O and alignment of dev->fd, which may have been opened
 * with O_DIRECT (dev->direct). Goes back to buffered I/O if a direct read fails.
 */
int device_settle_direct(struct weir_device *dev);

/*
 * nvme.c: asks the drive behind dev->fd, an NVMe character device of number RDEV, and the kernel
 * for size, blocks and limits. Returns 0, or -errno with an error text.
 */
int device_nvme_settle(struct weir_device *dev, dev_t rdev);

struct nvme_id_ns;
struct nvme_id_ctrl;

/*
 * nvme_ask.c: asks for namespace id, namespace and controller. Returns 0, -ENOTSUP (no NVMe
 * namespace), or -errno with an error text.
 */
int device_nvme_identify(struct weir_device *dev, uint32_t *nsid, struct nvme_id_ns *ns,
			 struct nvme_id_ctrl *ctrl);

/* nvme_ask.c: makes -errno and an error text for WHAT from the result of libnvme (-1 and errno, or
 * the drive's status). */
int device_nvme_refused(const struct weir_device *dev, const char *what, int err);

/* fdp.c: finds dev->fdp. It stays NULL if the drive may not be asked. */
void device_fdp_find(struct weir_device *dev);

/*
 * ordinary.c: refuses drives that are not ordinary, with an error text: zoned devices
 * (-EOPNOTSUPP), namespaces of another command set than NVM (-EOPNOTSUPP), and, when opening for
 * writing, a device that is read-only (-EROFS). Returns 0 if all is well or if it cannot tell.
 */
int device_check_zones(const struct weir_device *dev);
int device_check_command_set(const struct weir_device *dev);
int device_check_writable(const struct weir_device *dev);

/*
 * ordinary.c: checks whether this process may write a file of BYTES. Returns 0 or -EFBIG; then the
 * kernel would kill the process with a signal (SIGXFSZ).
 */
int device_check_file_limit(const char *path, uint64_t bytes);

struct stat;

/*
 * backing.c: locks what lies below DEV, if that is a loop device. Returns 0, or -EBUSY without an
 * error text; then AT is the file whose lock another process has.
 */
int device_backing_lock(struct weir_device *dev, struct stat *at);
void device_backing_unlock(struct weir_device *dev);

struct device_claims;

/* claim.c: finds what the system uses DEV for, if DEV is open for writing, and notes the loop
 * devices on it. */
int device_claim_find(struct weir_device *dev, struct device_claims *claims);

/* claim.c: does the same, and returns -EBUSY with an error text if writing would destroy
 * something. */
int device_claim_check(struct weir_device *dev, struct device_claims *claims);

/* claim.c: opens the block device exclusively, if DEV is open for writing. Returns 0, or -EBUSY or
 * another error with an error text. */
int device_claim_take(struct weir_device *dev);

/* lock.c: gives up the lock. */
void device_unlock(struct weir_device *dev);

/* removed.c: stores what device_is_removed() compares with. */
void device_remember(struct weir_device *dev);

/* attrs.c: fills in info and attrs from the facts that were found and from sysfs. */
void device_fill_attrs(struct weir_device *dev);

#endif
