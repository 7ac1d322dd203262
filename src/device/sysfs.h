/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sysfs.h - reads what the kernel says about a block device in its folder queue/.
 */
#ifndef DEVICE_SYSFS_H
#define DEVICE_SYSFS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * Finds the folder queue/ of block device DEV (for a partition: that of its disk) and writes its
 * path to DIR. Returns 0, or -ENOENT with DIR empty: DEV is no block device (but the number of a
 * filesystem without one, such as tmpfs or overlay), or there is no sysfs.
 */
int sysfs_queue_dir(dev_t dev, char *dir, size_t size);

/* As sysfs_queue_dir(), with sysfs at ROOT/sys, which DIR then begins with. ROOT "" means the
 * machine's own. */
int sysfs_queue_dir_at(const char *root, dev_t dev, char *dir, size_t size);

/* Reads attribute NAME in DIR as one line without its end. Returns 0 or -errno. */
int sysfs_read_line(const char *dir, const char *name, char *line, size_t size);

/* Returns true if the kernel's driver DRIVER serves the disk whose folder queue/ is DIR. */
bool sysfs_has_driver(const char *dir, const char *driver);

/* Reads attribute NAME in DIR as a number. Returns 0 or -errno (-EINVAL: it is no number). */
int sysfs_read_number(const char *dir, const char *name, uint64_t *value);

#endif
