/* SPDX-License-Identifier: Apache-2.0 */
/*
 * device.h - what the layers above need from a device beyond the public header.
 */
#ifndef DEVICE_H
#define DEVICE_H

#include <stdbool.h>

#include <weir/device.h>
#include <weir/fdp.h>

/* Returns 0, or -ECHILD with an error text if DEV was opened before a fork() that made this
 * process. */
int device_check_process(const struct weir_device *dev);

/* Returns the file descriptor that all I/O uses and that has the lock; -1 for "null". */
int device_fd(const struct weir_device *dev);

/*
 * Returns true if the device was removed since it was opened. It is called after I/O failed,
 * because errors do not tell. It works for block devices and NVMe character devices; it returns
 * false for others, and if nobody can tell. Any thread.
 */
bool device_is_removed(const struct weir_device *dev);

/* Returns 1 if the device was opened read-only. */
int device_read_only(const struct weir_device *dev);

/* Facts about a namespace that passthrough needs, beyond weir_device_get_info(). */
struct device_nvme {
	uint32_t nsid;
	uint32_t lba_shift;
	uint64_t max_bytes;	/* limit of one read or write */
	const char *max_source; /* the name of that limit */
	uint64_t zeroes_max;	/* limit of one write-zeroes; 0: the drive has no such command */
};

/* Returns the namespace behind an NVMe character device, or NULL for other kinds. */
const struct device_nvme *device_nvme(const struct weir_device *dev);

/* Returns the placement ids of DEV; *N is their number. It is 0 if FDP is not enabled or nobody can
 * tell. */
const struct weir_fdp_placement *device_placements(const struct weir_device *dev, uint32_t *n);

/*
 * Checks whether a write to DEV may name placement id ID. Returns 0, or -EINVAL or -EOPNOTSUPP with
 * an error text, also if the drive does not tell its ids.
 */
int device_check_placement(const struct weir_device *dev, uint16_t id);

/*
 * Takes the lock: shared if DEV is read-only, else exclusive. It is a flock() on the file
 * description that I/O uses, so after a process was killed the lock stays until its last write has
 * finished. Returns 0, or -EBUSY with the pids of the holders in weir_error().
 */
int device_lock(struct weir_device *dev);

/* Returns true if NAME is the name of an NVMe generic character device, ng<C>n<N>. */
bool device_is_ng_name(const char *name);

/*
 * Returns true if NAME, in /sys/block, is the disk of namespace NUMBER ("0n1": nvme0n1) or one of
 * the paths to it (nvme0c3n1).
 */
bool device_is_nvme_path(const char *name, const char *number);

/*
 * Opens a device without storage under the name NAME, for a simulated engine. INFO describes it;
 * its size and kind are filled in. Returns 0 or -ENOMEM; close it with weir_device_close().
 */
int device_open_virtual(struct weir_device **dev, const char *name,
			const struct weir_device_info *info);

#endif
