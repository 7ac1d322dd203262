/* SPDX-License-Identifier: Apache-2.0 */
/*
 * layout_make.c - chooses the sizes of a new store from what the user wishes.
 *
 * Sizes in its messages are words that an option takes. Pure functions; own nothing, any thread.
 */
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "base/error.h"
#include "base/parse.h"
#include "store/format/layout.h"

/* A segment is by default so many times as long as the largest value, where the device has room. */
#define LAYOUT_VALUES_WANTED 32u

static uint64_t layout_floor_power(uint64_t n)
{
	return n ? 1ull << (63 - __builtin_clzll(n)) : 0;
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
			 "%s: segments of %s: they are a power of two from %s to 1GiB (%s)", name,
			 format_size_word(l->segment_bytes, is, sizeof(is)),
			 format_size_word(layout_smallest_segment(l), min, sizeof(min)),
			 error_name(ERROR_SEGMENT_BYTES));
}

static int layout_check_block(const struct layout *l, const struct layout_wish *wish,
			      const char *name)
{
	char is[32];

	if (!layout_power_of_two(l->block_bytes) || l->block_bytes < LAYOUT_BLOCK_MIN ||
	    l->block_bytes > LAYOUT_BLOCK_MAX)
		return error_set(-EINVAL,
				 "%s: blocks of %s: they are a power of two from 512 to 64KiB (%s)",
				 name, format_size_word(l->block_bytes, is, sizeof(is)),
				 error_name(ERROR_BLOCK_BYTES));
	if (l->block_bytes % wish->logical_block_bytes)
		return error_set(-EINVAL,
				 "%s: blocks of %u B are no multiple of the device's %u B: format "
				 "with %s %u or more",
				 name, l->block_bytes, wish->logical_block_bytes,
				 error_name(ERROR_BLOCK_BYTES), wish->logical_block_bytes);
	return 0;
}

/* Sets an error text that says for which values or segments there is room. FITS is the largest
 * segment size that fits. */
static int layout_too_small(const struct layout *l, const struct layout_wish *wish, uint64_t fits,
			    uint32_t least, const char *name)
{
	char has[32], seg[32], say[32], all[32];

	format_size_word(l->capacity_bytes, has, sizeof(has));
	format_size_word(l->segment_bytes, seg, sizeof(seg));
	format_size_word(layout_device_for(l->segment_bytes, least), all, sizeof(all));
	if (wish->max_value_bytes && !wish->segment_bytes)
		return error_set(
			-ENOSPC,
			"%s: %s is too small for values of %s: make it %s, or format with %s %s",
			name, has, format_size_word(wish->max_value_bytes, seg, sizeof(seg)), all,
			error_name(ERROR_MAX_VALUE),
			format_size_word(layout_max_value(fits, l->block_bytes), say, sizeof(say)));
	return error_set(-ENOSPC,
			 "%s: %s holds %llu segments of %s, and a store needs %u: make it %s, or "
			 "format with %s %s",
			 name, has,
			 (unsigned long long)(layout_space(l->capacity_bytes) / l->segment_bytes),
			 seg, least, all, error_name(ERROR_SEGMENT_BYTES),
			 format_size_word(fits, say, sizeof(say)));
}

static int layout_check_room(const struct layout *l, const struct layout_wish *wish,
			     const char *name)
{
	uint32_t least = wish->segments_min ? wish->segments_min : LAYOUT_SEGMENTS_MIN;
	uint64_t space = layout_space(l->capacity_bytes), min = layout_smallest_segment(l);
	uint64_t fits = layout_floor_power(space / least);
	char has[32], say[32], all[32];

	if (space / l->segment_bytes > LAYOUT_SEGMENTS_MAX)
		return error_set(-EINVAL,
				 "%s: %llu segments are more than %u: format with a larger %s",
				 name, (unsigned long long)(space / l->segment_bytes),
				 LAYOUT_SEGMENTS_MAX, error_name(ERROR_SEGMENT_BYTES));
	if (space / l->segment_bytes >= least)
		return 0;
	if (fits >= min)
		return layout_too_small(l, wish, fits, least, name);
	return error_set(-ENOSPC,
			 "%s: %s is too small: the smallest store here has %u segments of %s and "
			 "needs %s",
			 name,
			 l->capacity_bytes ? format_size_word(l->capacity_bytes, has, sizeof(has))
					   : "less than a block",
			 least, format_size_word(min, say, sizeof(say)),
			 format_size_word(least * min + 2ull * DISK_SUPER_ROOM, all, sizeof(all)));
}

static bool layout_cut_to_unit(uint64_t segment, uint64_t unit)
{
	return !unit || !(segment % unit) || !(unit % segment);
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

/* Returns a segment size for values of up to wish->max_value_bytes, at least BYTES: many of them in
 * a segment if there is room, else as many as fit, but at least one. */
static uint64_t layout_value_segment(uint64_t bytes, const struct layout_wish *wish,
				     const struct layout *l)
{
	uint64_t one = layout_segment_for(wish->max_value_bytes, bytes, l->block_bytes);
	uint64_t space = layout_space(l->capacity_bytes), many = one;

	while (many < LAYOUT_VALUES_WANTED * wish->max_value_bytes && many < LAYOUT_SEGMENT_MAX)
		many <<= 1;
	while (many > one &&
	       (space / many < LAYOUT_SEGMENTS_MIN || !layout_cut_to_unit(many, wish->unit_bytes)))
		many >>= 1;
	return many;
}

static uint64_t layout_default_segment(const struct layout_wish *wish, const struct layout *l)
{
	uint64_t bytes = layout_floor_power(l->capacity_bytes / 256);
	uint64_t space = layout_space(l->capacity_bytes);

	if (bytes < LAYOUT_SEGMENT_DEFAULT)
		bytes = LAYOUT_SEGMENT_DEFAULT;
	if (bytes > LAYOUT_SEGMENT_MAX)
		bytes = LAYOUT_SEGMENT_MAX;
	while (space / bytes < LAYOUT_SEGMENTS_MIN && bytes > layout_smallest_segment(l))
		bytes >>= 1;
	bytes = layout_unit_segment(bytes, wish, l->capacity_bytes);
	return wish->max_value_bytes ? layout_value_segment(bytes, wish, l) : bytes;
}

/* Checks that some store, or one with the segments that the user wishes, takes the values. */
static int layout_check_value(const struct layout *l, const struct layout_wish *wish,
			      const char *name)
{
	uint64_t most = layout_max_value(
		wish->segment_bytes ? wish->segment_bytes : LAYOUT_SEGMENT_MAX, l->block_bytes);
	char is[32], max[32], seg[32];

	if (wish->max_value_bytes <= most)
		return 0;
	format_size_word(wish->max_value_bytes, is, sizeof(is));
	format_size_word(most, max, sizeof(max));
	if (!wish->segment_bytes)
		return error_set(-EINVAL, "%s: values of %s: a store takes values of up to %s (%s)",
				 name, is, max, error_name(ERROR_MAX_VALUE));
	return error_set(-EINVAL,
			 "%s: segments of %s take values of up to %s, not %s: leave "
			 "%s out, or format with %s %s",
			 name, format_size_word(wish->segment_bytes, seg, sizeof(seg)), max, is,
			 error_name(ERROR_SEGMENT_BYTES), error_name(ERROR_MAX_VALUE), max);
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
		"other (%s)",
		name, format_size_word(l->segment_bytes, is, sizeof(is)),
		format_size_word(wish->unit_bytes, unit, sizeof(unit)),
		error_name(ERROR_SEGMENT_BYTES));
}

/* Chooses the size of the segments, and checks what the user chose. */
static int layout_choose_segment(struct layout *l, const struct layout_wish *wish, const char *name)
{
	int err;

	l->segment_bytes = wish->segment_bytes;
	if (l->segment_bytes && !layout_sizes_valid(l))
		return layout_bad_segment(l, name);
	err = layout_check_value(l, wish, name);
	if (err)
		return err;
	if (!l->segment_bytes)
		l->segment_bytes = layout_default_segment(wish, l);
	return layout_check_unit(l, wish, name);
}

int layout_make(struct layout *l, const struct layout_wish *wish, const char *name)
{
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
	if (!err)
		err = layout_choose_segment(l, wish, name);
	if (!err)
		err = layout_check_room(l, wish, name);
	if (err)
		return err;
	l->segments = (uint32_t)(layout_space(l->capacity_bytes) / l->segment_bytes);
	l->data_offset = DISK_SUPER_ROOM;
	return layout_derive(l);
}
