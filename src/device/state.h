/* SPDX-License-Identifier: Apache-2.0 */
/*
 * state.h - a device as this layer sees it, and how its files share the work of opening one.
 *
 * A device is made by one thread in weir_device_open() and does not change afterwards, so that
 * any thread may read it. device_lock() is the exception: one thread, before the device is used.
 */
#ifndef DEVICE_STATE_H
#define DEVICE_STATE_H

#include <stdbool.h>
#include <sys/types.h>

#include <weir/fdp.h>

#include "base/fork.h"
#include "device/device.h"

#define DEVICE_ATTRS 20
#define DEVICE_SOURCE_BYTES 128
#define DEVICE_NOTE_BYTES 384
#define DEVICE_WORDS_BYTES 192
#define DEVICE_BLOCK_MIN 512u	 /* logical block where nobody names another */
#define DEVICE_BLOCK_LARGE 4096u /* the other one that drives have */

struct weir_device {
	struct weir_device_info info;
	int fd;	      /* all I/O and the lock; -1 for "null" */
	int claim_fd; /* holds a block device against mounts and other drivers; -1: not held */
	struct fork_fd fd_watch, claim_watch;
	uint32_t process; /* that opened it */
	uint32_t flags;
	bool direct;	      /* fd has O_DIRECT */
	dev_t rdev;	      /* a device's number */
	uint64_t sysfs_inode; /* what it had in sysfs when it was opened; 0: nobody knows */
	char queue_dir[64];   /* its queue/ in sysfs, or "" */
	char block_path[96];  /* its logical_block_size, where that was used */
	uint64_t bytes;	      /* size as it was found, not rounded */
	const char *bytes_source;
	uint32_t block, dio_offset, dio_mem; /* logical block; alignments for direct I/O */
	const char *block_source, *dio_offset_source, *dio_mem_source;
	struct weir_device_attr attrs[DEVICE_ATTRS];
	char sources[DEVICE_ATTRS][DEVICE_SOURCE_BYTES]; /* what attrs[].source points to */
	size_t nr_attrs;
	struct device_nvme nvme; /* an NVMe character device's */
	struct weir_fdp *fdp;	 /* what it says of placement ids; NULL: it did not say */
	char fdp_words[DEVICE_WORDS_BYTES]; /* why it did not */
	char block_name[40];		    /* and the block device beside it, "nvme0n1" */
	char note[DEVICE_NOTE_BYTES];
	char path[];
};

/* Puts TEXT behind what the note says already. */
void device_add_note(struct weir_device *dev, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/*
 * kind.c: says what PATH is. 0 with *KIND, or -errno with words for what weir cannot use
 * (-EISDIR, -ENOTSUP, -EOPNOTSUPP) or find (-ENOENT ...).
 */
int device_kind(const char *path, enum weir_device_kind *kind);

/*
 * create.c: creates the regular file dev->path, which must not exist yet. *FD is its descriptor,
 * without contents. -EEXIST: somebody else was quicker.
 */
int device_create(const char *path, const struct weir_device_opts *opts, int *fd);

/*
 * create.c: gives FD, just created, real space of opts->create_bytes, and makes its name durable.
 * -ENOSPC says how much is missing. The caller removes the file on failure.
 */
int device_preallocate(const char *path, const struct weir_device_opts *opts, int fd);

/*
 * direct.c: settles logical block, direct I/O and alignment of dev->fd, which may have
 * been opened with O_DIRECT (dev->direct); goes back to buffered I/O where a read fails.
 */
int device_settle_direct(struct weir_device *dev);

/*
 * nvme.c: asks the drive behind dev->fd, an NVMe character device of number RDEV, and the kernel
 * for size, blocks and limits. 0, or -errno with words.
 */
int device_nvme_settle(struct weir_device *dev, dev_t rdev);

struct nvme_id_ns;
struct nvme_id_ctrl;

/*
 * nvme.c: asks for namespace id, namespace and controller. 0, -ENOTSUP (no NVMe namespace), or
 * -errno with words.
 */
int device_nvme_identify(struct weir_device *dev, uint32_t *nsid, struct nvme_id_ns *ns,
			 struct nvme_id_ctrl *ctrl);

/* nvme.c: -errno and words for RET of libnvme (-1 and errno, or the drive's status) to WHAT. */
int device_nvme_refused(const struct weir_device *dev, const char *what, int err);

/* fdp.c: asks for dev->fdp, which it leaves NULL where the drive may not be asked. */
void device_fdp_find(struct weir_device *dev);

/*
 * ordinary.c: refuse in words what is not an ordinary drive. Zoned devices (-EOPNOTSUPP),
 * namespaces of another command set than NVM (-EOPNOTSUPP), for a writing open a device that is
 * read-only
 * (-EROFS). 0 where all is well, or where it cannot be told.
 */
int device_check_zones(const struct weir_device *dev);
int device_check_command_set(const struct weir_device *dev);
int device_check_writable(const struct weir_device *dev);

/*
 * ordinary.c: may this process write a file of BYTES? 0 or -EFBIG: the kernel would end it by a
 * signal (SIGXFSZ).
 */
int device_check_file_limit(const char *path, uint64_t bytes);

/* removed.c: keeps what device_is_removed() compares with. */
void device_remember(struct weir_device *dev);

/* attrs.c: fills in info and attrs from what has been settled and from sysfs. */
void device_fill_attrs(struct weir_device *dev);

#endif
