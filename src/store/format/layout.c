/* SPDX-License-Identifier: Apache-2.0 */
/*
 * layout.c - computes a layout from the sizes of a store, and checks them.
 *
 * layout_make.c chooses these sizes. Pure functions; own nothing, any thread.
 */
#include <errno.h>
#include <stdbool.h>

#include "base/error.h"
#include "base/parse.h"
#include "store/format/layout.h"

/* Returns BYTES rounded up to a whole number of blocks. */
static uint64_t layout_round_up(uint64_t bytes, uint32_t block_bytes)
{
	return (bytes + block_bytes - 1) / block_bytes * block_bytes;
}

uint64_t layout_second_copy(uint64_t device_bytes)
{
	uint64_t room = DISK_SUPER_ROOM, end = device_bytes & ~(room - 1);

	return end >= 2 * room ? end - room : 0;
}

uint64_t layout_space(uint64_t capacity)
{
	uint64_t space = capacity & ~(uint64_t)(DISK_SUPER_ROOM - 1);

	return space > 2ull * DISK_SUPER_ROOM ? space - 2ull * DISK_SUPER_ROOM : 0;
}

uint64_t layout_device_for(uint64_t segment_bytes, uint32_t segments)
{
	uint64_t need = segments * segment_bytes + 2ull * DISK_SUPER_ROOM;

	/* Whole MiB: a rounded size would be refused again where it is rounded down. */
	return (need + (1u << 20) - 1) >> 20 << 20;
}

uint64_t layout_max_value(uint64_t segment_bytes, uint32_t block_bytes)
{
	/* The header of the segment, a batch header with the longest key, and the footer. */
	uint64_t around = block_bytes +
			  layout_round_up(sizeof(struct disk_batch) + sizeof(struct disk_record) +
						  DISK_KEY_MAX,
					  block_bytes) +
			  layout_round_up(sizeof(struct disk_trailer) + sizeof(struct disk_entry),
					  block_bytes);
	uint64_t fits = segment_bytes > around ? segment_bytes - around : 0;

	/* A value that is a power of two lies in a segment of twice its size. */
	return fits < segment_bytes / 2 ? fits : segment_bytes / 2;
}

uint64_t layout_segment_for(uint64_t length, uint64_t from, uint32_t block_bytes)
{
	uint64_t bytes;

	for (bytes = from; bytes <= LAYOUT_SEGMENT_MAX; bytes <<= 1)
		if (layout_max_value(bytes, block_bytes) >= length)
			return bytes;
	return 0;
}

bool layout_sizes_valid(const struct layout *l)
{
	return layout_power_of_two(l->block_bytes) && l->block_bytes >= LAYOUT_BLOCK_MIN &&
	       l->block_bytes <= LAYOUT_BLOCK_MAX && layout_power_of_two(l->segment_bytes) &&
	       l->segment_bytes >= LAYOUT_SEGMENT_MIN && l->segment_bytes <= LAYOUT_SEGMENT_MAX &&
	       l->segment_bytes / l->block_bytes >= LAYOUT_SEGMENT_BLOCKS_MIN;
}

int layout_derive(struct layout *l)
{
	uint64_t copy = layout_second_copy(l->device_bytes);

	if (!layout_sizes_valid(l) || l->data_offset != DISK_SUPER_ROOM ||
	    l->capacity_bytes > l->device_bytes || l->segments < LAYOUT_SEGMENTS_FORCED ||
	    l->segments > LAYOUT_SEGMENTS_MAX ||
	    copy < l->data_offset + l->segments * l->segment_bytes)
		return -EINVAL;
	l->block_shift = (uint32_t)__builtin_ctzll(l->block_bytes);
	l->segment_blocks = (uint32_t)(l->segment_bytes >> l->block_shift);
	l->segment_shift = (uint32_t)__builtin_ctzll(l->segment_blocks);
	l->copy_offset[0] = 0;
	l->copy_offset[1] = copy;
	l->max_value_bytes = layout_max_value(l->segment_bytes, l->block_bytes);
	return 0;
}

int layout_check_device(const struct layout *l, const char *path, uint64_t has,
			uint32_t logical_block)
{
	char is[32], was[32];

	if (has < l->device_bytes)
		return error_set(-ENODATA,
				 "%s: truncated: it has %s (%llu bytes), and the store was made "
				 "on %s (%llu bytes); restore the missing end, or wait if the file "
				 "is still being copied",
				 path, format_size(has, is, sizeof(is)), (unsigned long long)has,
				 format_size(l->device_bytes, was, sizeof(was)),
				 (unsigned long long)l->device_bytes);
	if (l->block_bytes % logical_block)
		return error_set(-EINVAL,
				 "%s: the store has blocks of %u bytes, and the device reads and "
				 "writes %u: copy it to a device with smaller blocks",
				 path, l->block_bytes, logical_block);
	return 0;
}
