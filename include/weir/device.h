/* SPDX-License-Identifier: Apache-2.0 */
/*
 * weir/device.h - opens a file or a device, and tells its limits.
 *
 * A device is an open file description and the facts about it. It moves no data; a queue
 * (weir/queue.h) does. Several queues may use one device, and all must be closed before it.
 *
 * Caveats
 *   - Direct I/O is used if the filesystem allows it. If not, the device is opened buffered. Then
 *     weir_device_get_info()->direct is 0, and weir_device_note() says so in words.
 *   - A file that is created is preallocated and not sparse. A sparse file is slower to write, and
 *     its filesystem can run out of space for data that the store has accepted.
 *   - A device that the system uses is not opened for writing, not even for root (-EBUSY;
 *     weir_error() names who uses it). The system uses it if a filesystem on it is mounted (also
 *     through a partition, a loop or device-mapper device, another path to the namespace, or from a
 *     file), if it is swap, or if it is part of another device.
 *   - The lock keeps other weir processes away; those that only read share it. For a writer of a
 *     block device it also prevents mounts and the use by other drivers. A loop device is locked
 *     together with its backing file, if that can be opened (weir_device_note() says so if not).
 *     It does not stop programs that take no lock and open not exclusively.
 *   - A child of fork() cannot use a device that it inherited (-ECHILD); see weir/base.h.
 *   - The path "null" means the null device. A file of that name is opened as "./null".
 *   - An NVMe generic character device (/dev/ngXnY) has no page cache, mounts or partitions:
 *     offsets are offsets in the namespace. The lock also claims the block device of the same
 *     namespace, if that may be opened. Namespaces whose format has metadata are refused.
 */
#ifndef WEIR_DEVICE_H
#define WEIR_DEVICE_H

#include <stddef.h>
#include <stdint.h>

#include <weir/base.h>

#ifdef __cplusplus
extern "C" {
#endif

struct weir_device;

enum weir_device_kind {
	WEIR_DEVICE_FILE = 1,	   /* a regular file */
	WEIR_DEVICE_BLOCK = 2,	   /* a block device */
	WEIR_DEVICE_NVME_CHAR = 3, /* /dev/ngXnY */
	WEIR_DEVICE_NULL = 4,	   /* "null" or "null:SIZE": no storage, for measuring the layer */
};

enum weir_device_flags {
	WEIR_DEVICE_READ_ONLY = 1 << 0,
	WEIR_DEVICE_CREATE = 1 << 1,   /* create a regular file of create_bytes if there is none */
	WEIR_DEVICE_BUFFERED = 1 << 2, /* do not even try direct I/O */
	/* Take the lock: with WEIR_DEVICE_READ_ONLY one that readers share, else an exclusive one.
	 * -EBUSY names the pids of its holders. */
	WEIR_DEVICE_LOCK = 1 << 3,
};

/* Options of weir_device_open(). Start from WEIR_DEVICE_OPTS_INIT. */
struct weir_device_opts {
	size_t size;	       /* sizeof(struct weir_device_opts) */
	uint32_t flags;	       /* enum weir_device_flags */
	uint32_t mode;	       /* permission bits of a file that is created; 0: 0644 */
	uint64_t create_bytes; /* size of a file that is created; rounded up to 4096 */
	uint64_t lock_wait_ns; /* how long to wait for the lock; 0: not at all */
};

#define WEIR_DEVICE_OPTS_INIT WEIR_INIT_SIZED(struct weir_device_opts)

/* The facts about a device. They do not change after weir_device_open() has returned. */
struct weir_device_info {
	size_t size; /* sizeof the library's struct: fields beyond it are absent */
	enum weir_device_kind kind;
	uint32_t direct;	       /* 1: O_DIRECT */
	uint64_t capacity_bytes;       /* rounded down to logical_block_bytes */
	uint32_t logical_block_bytes;  /* offsets and lengths are multiples of this */
	uint32_t physical_block_bytes; /* splits fall on multiples of this where they can */
	uint32_t memory_align_bytes;   /* buffers that are not aligned so are bounced */
	uint32_t max_segments;	       /* pieces of memory in one command */
	uint64_t max_io_bytes;	    /* one command, as the kernel would cut it (max_sectors_kb) */
	uint64_t max_hw_bytes;	    /* one command, hardware limit (max_hw_sectors_kb) */
	uint32_t nr_requests;	    /* kernel queue depth beneath; 0: unknown */
	uint32_t write_cache;	    /* 1: volatile write cache, flushes matter */
	uint32_t fua;		    /* 1: the hardware knows FUA */
	uint32_t rotational;	    /* 1: a hard disk */
	uint64_t discard_max_bytes; /* 0: no discard */
	uint32_t discard_granularity_bytes;
	uint32_t dev_major, dev_minor; /* of the block device, or of the one beneath a file */
	uint32_t
		below_loop; /* 1: open for writing, and a loop device that nobody uses lies on it */
	/* Where the bytes are, below loop devices, partitions and an NVMe character device. Devices
	 * that begin at the same place are names of the same bytes. */
	uint64_t origin_device; /* of the filesystem or, if origin_inode is 0, the block device */
	uint64_t origin_inode;	/* of the file */
	uint64_t origin_start;	/* the first byte in the file or block device */
	uint32_t origin_user;	/* to whom the file or device belongs */
	uint32_t reserved;
};

enum weir_unit {
	WEIR_UNIT_NONE = 0,
	WEIR_UNIT_BYTES = 1,
	WEIR_UNIT_BOOL = 2,
	WEIR_UNIT_COUNT = 3,
};

/* A fact about a device and where it was found: a line of `weir info`. Strings are valid until the
 * device is closed. */
struct weir_device_attr {
	const char *name; /* sysfs's name where there is one, with sysfs's unit: max_sectors_kb */
	uint64_t value;
	enum weir_unit unit;
	const char *source; /* "statx", "BLKGETSIZE64", a path in /sys, "default" ... */
	uint64_t reserved[2];
};

/*
 * Opens PATH: a regular file, a block device, an NVMe character device (/dev/ng0n1), or
 * "null[:SIZE]" (default size 1 TiB).
 * OPTS may be NULL: read and write, direct I/O where possible, nothing created, no lock.
 * On success *DEV belongs to the caller, who closes it after all its queues.
 *
 * Errors: -ENOENT, -EACCES, -EISDIR, -ENOTSUP (none of these), -EOPNOTSUPP (a format that weir
 * does not do), -EBUSY (locked, or in use by the system: weir_error() says by whom), -ENOSPC
 * (weir_error() says how much is missing), -EINVAL, -ENOMEM, and what the system said. A file that
 * could not be created in full is removed again. Any thread.
 */
int weir_device_open(struct weir_device **dev, const char *path,
		     const struct weir_device_opts *opts);

/*
 * Closes DEV and gives its lock back. All its queues must be closed already. NULL is allowed. In a
 * child of fork() it frees the memory, and the parent keeps the lock.
 */
void weir_device_close(struct weir_device *dev);

/*
 * Returns the facts about DEV, which are valid until it is closed. Any thread.
 */
const struct weir_device_info *weir_device_get_info(const struct weir_device *dev);

/*
 * Returns the path with which DEV was opened; valid until it is closed. Any thread.
 */
const char *weir_device_path(const struct weir_device *dev);

/*
 * Returns the facts about DEV as *COUNT rows, with their sources; valid until DEV is closed. Any
 * thread.
 */
const struct weir_device_attr *weir_device_attrs(const struct weir_device *dev, size_t *count);

/*
 * Returns a sentence about DEV that a user should read once (direct I/O was refused, the file is
 * sparse), or NULL. Valid until DEV is closed. Any thread.
 */
const char *weir_device_note(const struct weir_device *dev);

#ifdef __cplusplus
}
#endif
#endif
