/* SPDX-License-Identifier: Apache-2.0 */
/*
 * layout.c - chooses and checks the sizes of a store: blocks, segments, largest value.
 *
 * Pure functions; own nothing, any thread.
 */
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "base/error.h"
#include "base/parse.h"
#include "store/format/layout.h"

static bool layout_power_of_two(uint64_t n)
{
	return n && !(n & (n - 1));
}

static uint64_t layout_floor_power(uint64_t n)
{
	return n ? 1ull << (63 - __builtin_clzll(n)) : 0;
}

uint64_t layout_second_copy(uint64_t device_bytes)
{
	uint64_t room = DISK_SUPER_ROOM, end = device_bytes & ~(room - 1);

	return end >= 2 * room ? end - room : 0;
}

/* Returns the largest value in segments of SEGMENT_BYTES with blocks of BLOCK_BYTES. */
static uint64_t layout_max_value(uint64_t segment_bytes, uint32_t block_bytes)
{
	uint64_t half = (segment_bytes - 2ull * block_bytes) / 2;

	return half & ~(uint64_t)(block_bytes - 1);
}

uint64_t layout_segment_for(const struct layout *l, uint64_t length)
{
	uint64_t bytes;

	for (bytes = l->segment_bytes; bytes <= LAYOUT_SEGMENT_MAX; bytes <<= 1)
		if (layout_max_value(bytes, l->block_bytes) >= length)
			return bytes;
	return 0;
}

static bool layout_sizes_valid(const struct layout *l)
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

static uint64_t layout_smallest_segment(const struct layout *l)
{
	uint64_t bytes = (uint64_t)l->block_bytes * LAYOUT_SEGMENT_BLOCKS_MIN;

	return bytes < LAYOUT_SEGMENT_MIN ? LAYOUT_SEGMENT_MIN : bytes;
}

static int layout_bad_segment(const struct layout *l, const char *name)
{
	char is[32], min[32];

	return error_set(-EINVAL,
			 "%s: segments of %s: they are a power of two from %s to 1 GiB "
			 "(--segment-bytes)",
			 name, format_size(l->segment_bytes, is, sizeof(is)),
			 format_size(layout_smallest_segment(l), min, sizeof(min)));
}

static int layout_check_block(const struct layout *l, const struct layout_wish *wish,
			      const char *name)
{
	char is[32];

	if (!layout_power_of_two(l->block_bytes) || l->block_bytes < LAYOUT_BLOCK_MIN ||
	    l->block_bytes > LAYOUT_BLOCK_MAX)
		return error_set(-EINVAL,
				 "%s: blocks of %s: they are a power of two from 512 B to 64 KiB "
				 "(--block-bytes)",
				 name, format_size(l->block_bytes, is, sizeof(is)));
	if (l->block_bytes % wish->logical_block_bytes)
		return error_set(-EINVAL,
				 "%s: blocks of %u B are no multiple of the device's %u B: format "
				 "with --block-bytes %u or more",
				 name, l->block_bytes, wish->logical_block_bytes,
				 wish->logical_block_bytes);
	return 0;
}

/* Sets an error text that says which sizes would fit. */
static int layout_too_small(const struct layout *l, uint64_t segments, uint32_t least,
			    const char *name)
{
	uint64_t space = l->capacity_bytes > 2ull * DISK_SUPER_ROOM
				 ? l->capacity_bytes - 2ull * DISK_SUPER_ROOM
				 : 0;
	uint64_t fits = layout_floor_power(space / least), min = layout_smallest_segment(l), need;
	char has[32], seg[32], say[32], all[32];

	format_size(l->capacity_bytes, has, sizeof(has));
	format_size(l->segment_bytes, seg, sizeof(seg));
	if (fits < min)
		return error_set(
			-ENOSPC,
			"%s: %s is too small: the smallest store here has %u segments of "
			"%s and needs %s",
			name, has, least, format_size(min, say, sizeof(say)),
			format_size(least * min + 2ull * DISK_SUPER_ROOM, all, sizeof(all)));
	/* Whole MiB: a rounded size would be refused again where it is rounded down. */
	need = least * l->segment_bytes + 2ull * DISK_SUPER_ROOM;
	format_size_word((need + (1u << 20) - 1) >> 20 << 20, all, sizeof(all));
	return error_set(-ENOSPC,
			 "%s: %s holds %llu segments of %s, and a store needs %u: make it %s, or "
			 "format with --segment-bytes %s",
			 name, has, (unsigned long long)segments, seg, least, all,
			 format_size_word(fits, say, sizeof(say)));
}

static bool layout_cut_to_unit(uint64_t segment, uint64_t unit)
{
	return !unit || !(segment % unit) || !(unit % segment);
}

/* Returns the bytes for segments: all but the superblock copies at both ends. */
static uint64_t layout_space(uint64_t capacity)
{
	uint64_t space = capacity & ~(uint64_t)(DISK_SUPER_ROOM - 1);

	return space > 2ull * DISK_SUPER_ROOM ? space - 2ull * DISK_SUPER_ROOM : 0;
}

/* Returns the largest power of two that divides UNIT. */
static uint64_t layout_unit_part(uint64_t unit)
{
	return unit & -unit;
}

/* Returns one whole unit if that leaves enough segments, else a part of a unit. */
static uint64_t layout_unit_segment(uint64_t bytes, const struct layout_wish *wish,
				    uint64_t capacity)
{
	uint64_t unit = wish->unit_bytes, part = layout_unit_part(unit);
	uint64_t space = layout_space(capacity);
	uint32_t least = wish->segments_min ? wish->segments_min : LAYOUT_SEGMENTS_MIN;

	if (bytes < unit && unit <= space / least && part == unit && unit <= LAYOUT_SEGMENT_MAX)
		return unit;
	if (!layout_cut_to_unit(bytes, unit) && part >= LAYOUT_SEGMENT_DEFAULT &&
	    space / part <= LAYOUT_SEGMENTS_MAX)
		return part;
	return bytes;
}

static uint64_t layout_default_segment(const struct layout_wish *wish, uint64_t capacity)
{
	uint64_t bytes = layout_floor_power(capacity / 256);

	if (bytes < LAYOUT_SEGMENT_DEFAULT)
		bytes = LAYOUT_SEGMENT_DEFAULT;
	if (bytes > LAYOUT_SEGMENT_MAX)
		bytes = LAYOUT_SEGMENT_MAX;
	return layout_unit_segment(bytes, wish, capacity);
}

static int layout_check_unit(const struct layout *l, const struct layout_wish *wish,
			     const char *name)
{
	char is[32], unit[32];

	/* Segments need not fit to a unit that no segment size divides. */
	if (!wish->segment_bytes || layout_cut_to_unit(l->segment_bytes, wish->unit_bytes) ||
	    layout_unit_part(wish->unit_bytes) < LAYOUT_SEGMENT_MIN)
		return 0;
	return error_set(
		-EINVAL,
		"%s: segments of %s and reclaim units of %s: one must be a multiple of the "
		"other (--segment-bytes)",
		name, format_size(l->segment_bytes, is, sizeof(is)),
		format_size(wish->unit_bytes, unit, sizeof(unit)));
}

int layout_make(struct layout *l, const struct layout_wish *wish, const char *name)
{
	uint64_t space, segments;
	uint32_t least = wish->segments_min ? wish->segments_min : LAYOUT_SEGMENTS_MIN;
	int err;

	memset(l, 0, sizeof(*l));
	l->device_bytes = wish->device_bytes;
	l->capacity_bytes = wish->device_bytes;
	if (wish->capacity_bytes && wish->capacity_bytes < wish->device_bytes)
		l->capacity_bytes = wish->capacity_bytes;
	l->block_bytes = wish->block_bytes ? wish->block_bytes : 4096;
	if (!wish->block_bytes && wish->logical_block_bytes > 4096)
		l->block_bytes = wish->logical_block_bytes;
	err = layout_check_block(l, wish, name);
	if (err)
		return err;
	l->segment_bytes = wish->segment_bytes ? wish->segment_bytes
					       : layout_default_segment(wish, l->capacity_bytes);
	if (!layout_sizes_valid(l))
		return layout_bad_segment(l, name);
	err = layout_check_unit(l, wish, name);
	if (err)
		return err;
	/* The second copy is near the end of the device, at a multiple of its room. */
	space = layout_space(l->capacity_bytes);
	segments = space / l->segment_bytes;
	if (segments < least)
		return layout_too_small(l, segments, least, name);
	if (segments > LAYOUT_SEGMENTS_MAX)
		return error_set(-EINVAL,
				 "%s: %llu segments are more than %u: format with a larger "
				 "--segment-bytes",
				 name, (unsigned long long)segments, LAYOUT_SEGMENTS_MAX);
	l->segments = (uint32_t)segments;
	l->data_offset = DISK_SUPER_ROOM;
	return layout_derive(l);
}
