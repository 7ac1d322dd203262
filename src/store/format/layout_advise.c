/* SPDX-License-Identifier: Apache-2.0 */
/*
 * layout_advise.c - says how to format a store that takes longer values.
 *
 * Pure functions, but for the names of options; own nothing, any thread.
 */
#include <stdio.h>

#include "base/error.h"
#include "base/parse.h"
#include "store/format/layout.h"

const char *layout_advise(const struct layout_wish *wish, char *buf, size_t size)
{
	uint64_t segment =
		layout_segment_for(wish->max_value_bytes, LAYOUT_SEGMENT_MIN, wish->block_bytes);
	const char *name = error_name(ERROR_MAX_VALUE);
	uint64_t device;
	char value[32], all[32];

	if (!segment) {
		format_size_word(layout_max_value(LAYOUT_SEGMENT_MAX, wish->block_bytes), all,
				 sizeof(all));
		snprintf(buf, size, "no store takes values of more than %s", all);
		return buf;
	}
	if (segment < (uint64_t)wish->block_bytes * LAYOUT_SEGMENT_BLOCKS_MIN)
		segment = (uint64_t)wish->block_bytes * LAYOUT_SEGMENT_BLOCKS_MIN;
	device = layout_device_for(segment, LAYOUT_SEGMENTS_MIN);
	format_size_word(wish->max_value_bytes, value, sizeof(value));
	if (layout_space(wish->capacity_bytes) / segment >= LAYOUT_SEGMENTS_MIN)
		snprintf(buf, size, "format with %s %s", name, value);
	else
		snprintf(buf, size, "format a file or device of %s or more with %s %s",
			 format_size_word(device, all, sizeof(all)), name, value);
	return buf;
}
