/* SPDX-License-Identifier: Apache-2.0 */
/*
 * device.h - what the layers above need of a device beyond the public header.
 */
#ifndef DEVICE_H
#define DEVICE_H

#include <stdbool.h>

#include <weir/device.h>
#include <weir/fdp.h>

/* 0, or -ECHILD with words where DEV was opened before a fork() that made this process. */
int device_check_process(const struct weir_device *dev);

/* The file descriptor that all I/O goes through (and that holds the lock); -1 for "null". */
int device_fd(const struct weir_device *dev);

/*
 * Was the device removed since it was opened? Asked where I/O failed, as errors do not tell. A
 * block device or an NVMe character device; false for others, and where nobody can tell. Any
 * thread.
 */
bool device_is_removed(const struct weir_device *dev);

/* 1 if the device was opened read-only. */
int device_read_only(const struct weir_device *dev);

/* What passthrough has to know of a namespace beyond weir_device_get_info(). */
struct device_nvme {
	uint32_t nsid;
	uint32_t lba_shift;
	uint64_t max_bytes;	/* one read or write */
	const char *max_source; /* which limit that was */
	uint64_t zeroes_max;	/* one write of zeroes; 0: the drive has no such command */
};

/* The namespace behind an NVMe character device, or NULL for other kinds. */
const struct device_nvme *device_nvme(const struct weir_device *dev);

/* The placement ids of DEV, *N of them: 0 where FDP is not enabled, or nobody can tell. */
const struct weir_fdp_placement *device_placements(const struct weir_device *dev, uint32_t *n);

/*
 * May a write to DEV name placement id ID? 0, or -EINVAL or -EOPNOTSUPP with words, also where it
 * cannot be learned which ids there are.
 */
int device_check_placement(const struct weir_device *dev, uint16_t id);

/*
 * Takes the exclusive lock (flock on the very description that I/O goes through, so that it
 * outlives a killed process until the last write in flight has landed). 0, or -EBUSY with the
 * holder's pid in weir_error().
 */
int device_lock(struct weir_device *dev);

struct stat;

/*
 * Who has that lock on the file ST: a pid, or 0 where LOCKS (/proc/locks) does not tell.
 */
int device_lock_holder(const char *locks, const struct stat *st);

/* Is NAME that of an NVMe generic character device, ng<C>n<N>? */
bool device_is_ng_name(const char *name);

/*
 * Is NAME, of /sys/block, the disk of namespace NUMBER ("0n1": nvme0n1), or one of the paths to it
 * (nvme0c3n1)?
 */
bool device_is_nvme_path(const char *name, const char *number);

/*
 * Opens a device without storage that says of itself what INFO says (its size and kind are filled
 * in), under NAME: for an engine that is a simulation. 0 or -ENOMEM; weir_device_close() ends it.
 */
int device_open_virtual(struct weir_device **dev, const char *name,
			const struct weir_device_info *info);

#endif
