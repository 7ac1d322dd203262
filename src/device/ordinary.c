/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ordinary.c - checks that a drive takes writes at any place, in any order, and from this process.
 * A drive that does not is refused when it is opened, not by its first write. It runs while a
 * device is opened; one thread owns the device.
 */
#include <errno.h>
#include <libnvme.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/error.h"
#include "base/parse.h"
#include "device/state.h"
#include "device/sysfs.h"

#define ORDINARY_DESCS_BYTES 4096u

int device_check_zones(const struct weir_device *dev)
{
	char zoned[32];

	if (dev->info.kind == WEIR_DEVICE_FILE || !dev->queue_dir[0] ||
	    sysfs_read_line(dev->queue_dir, "zoned", zoned, sizeof(zoned)) < 0 ||
	    strcmp(zoned, "host-managed") != 0)
		return 0;
	return error_set(-EOPNOTSUPP,
			 "%s: a zoned device (host-managed), which takes writes only in sequence "
			 "within each zone, and weir writes anywhere: choose one that is not "
			 "(lsblk -o NAME,ZONED)",
			 dev->path);
}

/* Returns the command set in the list of identifiers DATA, which ends with a length of 0. */
static int ordinary_command_set(const uint8_t *data)
{
	for (size_t at = 0; at + 4 < ORDINARY_DESCS_BYTES && data[at + 1];
	     at += 4 + (size_t)data[at + 1])
		if (data[at] == NVME_NIDT_CSI)
			return data[at + 4];
	return NVME_CSI_NVM;
}

int device_check_command_set(const struct weir_device *dev)
{
	uint8_t data[ORDINARY_DESCS_BYTES] = { 0 };
	int set;

	/* If the drive may not be asked, the kernel knows about zones; see device_check_zones(). */
	if (nvme_identify_ns_descs(dev->fd, dev->nvme.nsid, (struct nvme_ns_id_desc *)data))
		return 0;
	set = ordinary_command_set(data);
	if (set == NVME_CSI_NVM)
		return 0;
	return error_set(-EOPNOTSUPP,
			 "%s: a namespace of the %s command set (%d), and weir takes those that "
			 "are written anywhere by block (NVM command set): choose another",
			 dev->path,
			 set == NVME_CSI_ZNS  ? "Zoned Namespace"
			 : set == NVME_CSI_KV ? "Key Value"
					      : "unknown",
			 set);
}

/* Returns true if the kernel says that the block device of number RDEV, or the one beside it, is
 * read-only. */
static bool ordinary_is_read_only(dev_t rdev, mode_t mode, const char *block_name)
{
	char dir[80];
	uint64_t ro;

	if (S_ISBLK(mode))
		snprintf(dir, sizeof(dir), "/sys/dev/block/%u:%u", major(rdev), minor(rdev));
	else
		snprintf(dir, sizeof(dir), "/sys/block/%s", block_name);
	return !sysfs_read_number(dir, "ro", &ro) && ro;
}

int device_check_writable(const struct weir_device *dev)
{
	struct stat st;

	if (device_read_only(dev) || stat(dev->path, &st) < 0 ||
	    (!S_ISBLK(st.st_mode) && !dev->block_name[0]) ||
	    !ordinary_is_read_only(st.st_rdev, st.st_mode, dev->block_name))
		return 0;
	return error_set(-EROFS,
			 "%s: the device is read-only: blockdev --setrw %s, unless it is "
			 "write-protected or there is a reason for it",
			 dev->path, dev->path);
}

int device_check_file_limit(const char *path, uint64_t bytes)
{
	char is[32], may[32];
	struct rlimit limit;

	if (getrlimit(RLIMIT_FSIZE, &limit) < 0 || limit.rlim_cur == RLIM_INFINITY ||
	    bytes <= limit.rlim_cur)
		return 0;
	return error_set(-EFBIG,
			 "%s: a file of %s, and this process may write files of %s at most "
			 "(RLIMIT_FSIZE): raise that (ulimit -f unlimited; LimitFSIZE=infinity in "
			 "a systemd unit)",
			 path, format_size(bytes, is, sizeof(is)),
			 format_size(limit.rlim_cur, may, sizeof(may)));
}
