/* SPDX-License-Identifier: Apache-2.0 */
/*
 * attrs.c - finds the facts about a device; one table has a row for each. It runs while a device is
 * opened; one thread owns the device.
 */
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "device/state.h"
#include "device/sysfs.h"

#define ATTR_MAX_IO_KB 1024u /* used if the kernel does not say */
#define ATTR_MAX_SEGMENTS 128u
#define ATTR_IO_LIMIT 0x7ffff000ull /* no read or write moves more in one system call */
#define ATTR_NULL_DISCARD (1ull << 30)
#define ATTR_NO_FIELD UINT32_MAX

struct attr_row;
typedef uint64_t attr_get(const struct weir_device *dev, const struct attr_row *row,
			  char source[DEVICE_SOURCE_BYTES]);

/* One fact: where it comes from, and which field it goes to. */
struct attr_row {
	const char *name; /* also the name of the attribute in queue/ */
	enum weir_unit unit;
	attr_get *get;
	uint64_t def;	     /* used if sysfs does not say */
	uint64_t null_value; /* the value of the device "null" */
	uint32_t scale;	     /* the value is multiplied by this */
	uint32_t field;	     /* in struct weir_device_info, or ATTR_NO_FIELD */
	uint32_t field_bytes;
};

static void attr_source(char source[DEVICE_SOURCE_BYTES], const char *text)
{
	snprintf(source, DEVICE_SOURCE_BYTES, "%s", text);
}

static uint64_t attr_capacity(const struct weir_device *dev, const struct attr_row *row,
			      char source[DEVICE_SOURCE_BYTES])
{
	(void)row;
	attr_source(source, dev->bytes_source);
	return dev->bytes / dev->block * dev->block;
}

static uint64_t attr_direct(const struct weir_device *dev, const struct attr_row *row,
			    char source[DEVICE_SOURCE_BYTES])
{
	(void)row;
	if (dev->info.kind == WEIR_DEVICE_NULL)
		attr_source(source, "null");
	else if (dev->info.kind == WEIR_DEVICE_NVME_CHAR)
		attr_source(source, "passthrough");
	else if (dev->flags & WEIR_DEVICE_BUFFERED)
		attr_source(source, "option");
	else
		attr_source(source, dev->direct ? "O_DIRECT accepted" : "O_DIRECT refused");
	return dev->direct;
}

static uint64_t attr_block(const struct weir_device *dev, const struct attr_row *row,
			   char source[DEVICE_SOURCE_BYTES])
{
	(void)row;
	attr_source(source, dev->block_source);
	return dev->block;
}

static uint64_t attr_dio_offset(const struct weir_device *dev, const struct attr_row *row,
				char source[DEVICE_SOURCE_BYTES])
{
	(void)row;
	attr_source(source, dev->dio_offset_source);
	return dev->dio_offset;
}

static uint64_t attr_dio_mem(const struct weir_device *dev, const struct attr_row *row,
			     char source[DEVICE_SOURCE_BYTES])
{
	(void)row;
	attr_source(source, dev->dio_mem_source);
	return dev->dio_mem;
}

static uint64_t attr_sysfs(const struct weir_device *dev, const struct attr_row *row,
			   char source[DEVICE_SOURCE_BYTES])
{
	uint64_t value;

	if (dev->info.kind == WEIR_DEVICE_NULL) {
		attr_source(source, "null");
		return row->null_value;
	}
	if (!dev->queue_dir[0] || sysfs_read_number(dev->queue_dir, row->name, &value) < 0) {
		attr_source(source, "default");
		return row->def;
	}
	snprintf(source, DEVICE_SOURCE_BYTES, "%s/%s", dev->queue_dir, row->name);
	return value;
}

/* Gets how many bytes one command moves. For passthrough the limit was found before. */
static uint64_t attr_transfer(const struct weir_device *dev, const struct attr_row *row,
			      char source[DEVICE_SOURCE_BYTES])
{
	if (dev->info.kind != WEIR_DEVICE_NVME_CHAR)
		return attr_sysfs(dev, row, source);
	attr_source(source, dev->nvme.max_source);
	return dev->nvme.max_bytes >> 10;
}

/* Passthrough can ask for FUA, whatever the kernel does. */
static uint64_t attr_fua(const struct weir_device *dev, const struct attr_row *row,
			 char source[DEVICE_SOURCE_BYTES])
{
	if (dev->info.kind != WEIR_DEVICE_NVME_CHAR)
		return attr_sysfs(dev, row, source);
	attr_source(source, "NVMe");
	return 1;
}

static uint64_t attr_physical(const struct weir_device *dev, const struct attr_row *row,
			      char source[DEVICE_SOURCE_BYTES])
{
	uint64_t value = attr_sysfs(dev, row, source);

	if (value >= dev->block && value % dev->block == 0)
		return value;
	attr_source(source, dev->block_source);
	return dev->block;
}

/* The kernel writes this attribute as words. */
static uint64_t attr_write_cache(const struct weir_device *dev, const struct attr_row *row,
				 char source[DEVICE_SOURCE_BYTES])
{
	char line[32];

	if (!dev->queue_dir[0] ||
	    sysfs_read_line(dev->queue_dir, row->name, line, sizeof(line)) < 0)
		return attr_sysfs(dev, row, source);
	snprintf(source, DEVICE_SOURCE_BYTES, "%s/%s", dev->queue_dir, row->name);
	return strcmp(line, "write through") != 0;
}

/*
 * virtio-blk has no field for it (VIRTIO 1.2, section 5.2), and Linux then says 1, whatever is
 * below the virtual disk.
 */
static uint64_t attr_rotational(const struct weir_device *dev, const struct attr_row *row,
				char source[DEVICE_SOURCE_BYTES])
{
	if (!dev->queue_dir[0] || !sysfs_has_driver(dev->queue_dir, "virtio_blk"))
		return attr_sysfs(dev, row, source);
	attr_source(source, "virtio-blk does not say");
	return 0;
}

static uint64_t attr_discard(const struct weir_device *dev, const struct attr_row *row,
			     char source[DEVICE_SOURCE_BYTES])
{
	if (dev->info.kind != WEIR_DEVICE_FILE)
		return attr_sysfs(dev, row, source);
	attr_source(source, "off for files");
	return 0;
}

#define FIELD(name)                                                                                \
	offsetof(struct weir_device_info, name), sizeof(((struct weir_device_info *)0)->name)

/* the columns: name, unit, get, default, value of "null", scale, field */
static const struct attr_row attr_rows[] = {
	{ "capacity_bytes", WEIR_UNIT_BYTES, attr_capacity, 0, 0, 1, FIELD(capacity_bytes) },
	{ "direct", WEIR_UNIT_BOOL, attr_direct, 0, 0, 1, FIELD(direct) },
	{ "logical_block_size", WEIR_UNIT_BYTES, attr_block, 0, 0, 1, FIELD(logical_block_bytes) },
	{ "physical_block_size", WEIR_UNIT_BYTES, attr_physical, 0, 4096, 1,
	  FIELD(physical_block_bytes) },
	{ "dio_offset_align", WEIR_UNIT_BYTES, attr_dio_offset, 0, 0, 1, ATTR_NO_FIELD, 0 },
	{ "dio_mem_align", WEIR_UNIT_BYTES, attr_dio_mem, 0, 0, 1, FIELD(memory_align_bytes) },
	{ "max_sectors_kb", WEIR_UNIT_NONE, attr_transfer, ATTR_MAX_IO_KB, ATTR_MAX_IO_KB, 1024,
	  FIELD(max_io_bytes) },
	{ "max_hw_sectors_kb", WEIR_UNIT_NONE, attr_transfer, ATTR_MAX_IO_KB, ATTR_MAX_IO_KB, 1024,
	  FIELD(max_hw_bytes) },
	{ "max_segments", WEIR_UNIT_COUNT, attr_sysfs, ATTR_MAX_SEGMENTS, ATTR_MAX_SEGMENTS, 1,
	  FIELD(max_segments) },
	{ "nr_requests", WEIR_UNIT_COUNT, attr_sysfs, 0, 0, 1, FIELD(nr_requests) },
	{ "write_cache", WEIR_UNIT_BOOL, attr_write_cache, 1, 0, 1, FIELD(write_cache) },
	{ "fua", WEIR_UNIT_BOOL, attr_fua, 0, 1, 1, FIELD(fua) },
	{ "discard_max_bytes", WEIR_UNIT_BYTES, attr_discard, 0, ATTR_NULL_DISCARD, 1,
	  FIELD(discard_max_bytes) },
	{ "discard_granularity", WEIR_UNIT_BYTES, attr_discard, 0, DEVICE_BLOCK_MIN, 1,
	  FIELD(discard_granularity_bytes) },
	{ "rotational", WEIR_UNIT_BOOL, attr_rotational, 0, 0, 1, FIELD(rotational) },
};

_Static_assert(sizeof(attr_rows) / sizeof(attr_rows[0]) <= DEVICE_ATTRS, "DEVICE_ATTRS");

static void attr_store(struct weir_device_info *info, const struct attr_row *row, uint64_t value)
{
	char *field = (char *)info + row->field;
	uint64_t wide;
	uint32_t narrow;

	if (row->field == ATTR_NO_FIELD)
		return;
	if (__builtin_mul_overflow(value, row->scale, &wide))
		wide = UINT64_MAX;
	narrow = wide > UINT32_MAX ? UINT32_MAX : (uint32_t)wide;
	if (row->field_bytes == sizeof(wide))
		memcpy(field, &wide, sizeof(wide));
	else
		memcpy(field, &narrow, sizeof(narrow));
}

/* Rounds BYTES, which one command may move, to whole blocks: at least one, and at most what a
 * system call moves. */
static uint64_t attr_whole_blocks(uint64_t bytes, uint32_t block)
{
	if (bytes > ATTR_IO_LIMIT)
		bytes = ATTR_IO_LIMIT;
	bytes -= bytes % block;
	return bytes ? bytes : block;
}

static void attr_make_usable(struct weir_device_info *info)
{
	info->max_io_bytes = attr_whole_blocks(info->max_io_bytes, info->logical_block_bytes);
	info->max_hw_bytes = attr_whole_blocks(info->max_hw_bytes, info->logical_block_bytes);
	if (info->max_segments > IOV_MAX)
		info->max_segments = IOV_MAX;
	if (!info->max_segments)
		info->max_segments = 1;
	info->discard_max_bytes -= info->discard_max_bytes % info->logical_block_bytes;
}

void device_fill_attrs(struct weir_device *dev)
{
	dev->nr_attrs = sizeof(attr_rows) / sizeof(attr_rows[0]);
	for (size_t i = 0; i < dev->nr_attrs; i++) {
		const struct attr_row *row = &attr_rows[i];
		struct weir_device_attr *attr = &dev->attrs[i];

		attr->name = row->name;
		attr->unit = row->unit;
		attr->source = dev->sources[i];
		attr->value = row->get(dev, row, dev->sources[i]);
		attr_store(&dev->info, row, attr->value);
	}
	attr_make_usable(&dev->info);
}
