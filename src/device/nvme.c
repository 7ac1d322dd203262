/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nvme.c - asks an NVMe drive, through its generic character device, what it is, and asks the
 * kernel how much it passes through at once. It runs while a device is opened; one thread owns the
 * device.
 */
#include <dirent.h>
#include <errno.h>
#include <libnvme.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "base/error.h"
#include "device/nvme_facts.h"
#include "device/state.h"
#include "device/sysfs.h"

#define NVME_DWORD 4u /* a command's memory begins at a multiple of this */
#define NVME_PAGE 4096u

/* The kernel's limits, over all paths to the namespace. */
struct nvme_limits {
	uint64_t hw_kb, segments, zeroes_bytes;
};

static int nvme_identify_both(struct weir_device *dev, struct nvme_facts *facts)
{
	struct nvme_id_ctrl ctrl = { 0 };
	struct nvme_id_ns ns = { 0 };
	int err = device_nvme_identify(dev, &dev->nvme.nsid, &ns, &ctrl);

	return err ? err : nvme_facts(facts, &ns, &ctrl, dev->path);
}

/* Finds the number of the namespace, such as "0n1". It is the kernel's name for the device number,
 * whatever the path is called. */
static int nvme_number(const struct weir_device *dev, dev_t rdev, char *number, size_t size)
{
	char link[64], path[PATH_MAX], *name;

	snprintf(link, sizeof(link), "/sys/dev/char/%u:%u", major(rdev), minor(rdev));
	if (!realpath(link, path))
		return error_sys(-errno, "%s: cannot read %s, where the kernel describes it",
				 dev->path, link);
	name = strrchr(path, '/') + 1;
	if (!device_is_ng_name(name))
		return error_set(-ENOTSUP,
				 "%s: the kernel knows it as %s, not as an NVMe namespace",
				 dev->path, name);
	snprintf(number, size, "%s", name + strlen("ng"));
	return 0;
}

bool device_is_nvme_path(const char *name, const char *number)
{
	const char *ns = strchr(number, 'n');
	size_t instance = (size_t)(ns - number);

	if (strncmp(name, "nvme", 4) || strncmp(name + 4, number, instance))
		return false;
	name += 4 + instance;
	if (*name == 'c')
		name += 1 + strspn(name + 1, "0123456789");
	return !strcmp(name, ns);
}

static int nvme_take_limit(const struct weir_device *dev, const char *name, uint64_t *least)
{
	uint64_t value;
	int err = sysfs_read_number(dev->queue_dir, name, &value);

	if (err)
		return error_sys(err, "%s: cannot read %s/%s, which limits passthrough", dev->path,
				 dev->queue_dir, name);
	if (value < *least)
		*least = value;
	return 0;
}

static int nvme_take_limits(struct weir_device *dev, const char *disk, struct nvme_limits *limits)
{
	int err;

	snprintf(dev->queue_dir, sizeof(dev->queue_dir), "/sys/block/%.40s/queue", disk);
	err = nvme_take_limit(dev, "max_hw_sectors_kb", &limits->hw_kb);
	if (!err)
		err = nvme_take_limit(dev, "max_segments", &limits->segments);
	if (!err)
		err = nvme_take_limit(dev, "write_zeroes_max_bytes", &limits->zeroes_bytes);
	return err;
}

/* Finds the kernel's limits. dev->queue_dir stays on the last path, because a path has attributes
 * that the head of several paths does not have (nr_requests). */
static int nvme_kernel_limits(struct weir_device *dev, const char *number,
			      struct nvme_limits *limits)
{
	DIR *dir = opendir("/sys/block");
	struct dirent *entry;
	char head[64];
	int err = 0;

	if (!dir)
		return error_sys(-errno, "%s: cannot read /sys/block, which has its limits",
				 dev->path);
	snprintf(head, sizeof(head), "nvme%s", number);
	err = nvme_take_limits(dev, head, limits);
	while (!err && (entry = readdir(dir)))
		if (strcmp(entry->d_name, head) && device_is_nvme_path(entry->d_name, number))
			err = nvme_take_limits(dev, entry->d_name, limits);
	closedir(dir);
	return err;
}

static void nvme_block_device(struct weir_device *dev, const char *number)
{
	char dir[80], line[32];
	unsigned maj, min;

	snprintf(dev->block_name, sizeof(dev->block_name), "nvme%s", number);
	snprintf(dir, sizeof(dir), "/sys/block/%s", dev->block_name);
	if (sysfs_read_line(dir, "dev", line, sizeof(line)) < 0 ||
	    sscanf(line, "%u:%u", &maj, &min) != 2)
		return;
	dev->info.dev_major = maj;
	dev->info.dev_minor = min;
}

static void nvme_settle(struct weir_device *dev, const struct nvme_facts *facts,
			const struct nvme_limits *limits)
{
	const char *name;

	dev->bytes = facts->bytes;
	dev->block = dev->dio_offset = facts->block;
	dev->bytes_source = dev->block_source = dev->dio_offset_source = "identify";
	dev->direct = true;
	dev->nvme.max_bytes = nvme_transfer_max(facts->mdts_bytes, limits->hw_kb << 10,
						limits->segments, facts->block, &name);
	dev->nvme.max_source = name;
	dev->nvme.zeroes_max = limits->zeroes_bytes - limits->zeroes_bytes % facts->block;
	dev->nvme.lba_shift = (uint32_t)__builtin_ctz(facts->block);
	/* Memory that begins inside a page touches one page more than it fills. The largest command
	 * has no segment left for that page. */
	dev->dio_mem = limits->segments * NVME_PAGE <= dev->nvme.max_bytes ? NVME_PAGE : NVME_DWORD;
	dev->dio_mem_source = dev->dio_mem == NVME_PAGE ? "max_segments" : "NVMe";
}

int device_nvme_settle(struct weir_device *dev, dev_t rdev)
{
	struct nvme_limits limits = { UINT64_MAX, UINT64_MAX, UINT64_MAX };
	struct nvme_facts facts;
	char number[32];
	int err = nvme_identify_both(dev, &facts);

	if (!err)
		err = device_check_command_set(dev);
	if (!err)
		err = nvme_number(dev, rdev, number, sizeof(number));
	if (!err)
		err = nvme_kernel_limits(dev, number, &limits);
	if (err)
		return err;
	nvme_block_device(dev, number);
	nvme_settle(dev, &facts, &limits);
	device_fdp_find(dev);
	return 0;
}

const struct device_nvme *device_nvme(const struct weir_device *dev)
{
	return dev->info.kind == WEIR_DEVICE_NVME_CHAR ? &dev->nvme : NULL;
}
