/* SPDX-License-Identifier: Apache-2.0 */
/*
 * layout.h - computes where things are on the device from the sizes alone.
 *
 * A store position is a number of blocks from the start of segment 0. Segments and blocks are
 * powers of two, so the position gives the segment and the block in it.
 */
#ifndef LAYOUT_H
#define LAYOUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/check.h"
#include "store/format/format.h"

#define LAYOUT_SEGMENTS_MIN 64u
#define LAYOUT_SEGMENTS_FORCED 8u
#define LAYOUT_SEGMENTS_MAX (1u << 20)
#define LAYOUT_SEGMENT_MIN (64ull << 10)
#define LAYOUT_SEGMENT_MAX (1ull << 30)
#define LAYOUT_SEGMENT_DEFAULT (1ull << 20) /* at least, unless the user asks for less */
#define LAYOUT_BLOCK_MIN 512u
#define LAYOUT_BLOCK_MAX 65536u
/* A segment has a header, a footer, and room for at least a batch of two blocks. A value may be as
 * long as half a segment. */
#define LAYOUT_SEGMENT_BLOCKS_MIN 8u

struct layout {
	uint64_t device_bytes;
	uint64_t capacity_bytes;
	uint64_t segment_bytes;
	uint32_t segments;
	uint32_t segment_blocks;
	uint32_t segment_shift; /* log2 of segment_blocks */
	uint32_t block_bytes;
	uint32_t block_shift;
	uint64_t data_offset;
	uint64_t copy_offset[2]; /* of the superblocks */
	uint64_t max_value_bytes;
};

/* The wishes for a layout; 0 means the default. */
struct layout_wish {
	uint64_t device_bytes;
	uint32_t logical_block_bytes;
	uint64_t capacity_bytes;
	uint64_t segment_bytes;
	uint32_t block_bytes;
	uint32_t segments_min;
	/* Size of the drive's reclaim unit. Segments are a multiple of it or divide it, where a
	 * power of two can. */
	uint64_t unit_bytes;
	/* The longest value that must fit. */
	uint64_t max_value_bytes;
};

/* Computes L from WISH. NAME is the name of the device, for error texts. Returns 0, -EINVAL or
 * -ENOSPC; sets weir_error(). */
int layout_make(struct layout *l, const struct layout_wish *wish, const char *name);

/* Computes the other fields from device_bytes, capacity_bytes, segment_bytes, segments, block_bytes
 * and data_offset. Returns 0, or -EINVAL if these do not fit together. */
int layout_derive(struct layout *l);

/* Checks that the store, at PATH, is all on a device of HAS bytes that reads LOGICAL_BLOCK bytes at
 * least. Returns 0, -ENODATA or -EINVAL; sets weir_error(). */
int layout_check_device(const struct layout *l, const char *path, uint64_t has,
			uint32_t logical_block);

/* Returns the offset of the second superblock copy on a device of DEVICE_BYTES. */
uint64_t layout_second_copy(uint64_t device_bytes);

static inline bool layout_power_of_two(uint64_t n)
{
	return n && !(n & (n - 1));
}

/* Returns true if a store may have blocks and segments of these sizes. */
bool layout_sizes_valid(const struct layout *l);

/* Returns the length of the largest value in segments of SEGMENT_BYTES with blocks of BLOCK_BYTES.
 */
uint64_t layout_max_value(uint64_t segment_bytes, uint32_t block_bytes);

/* Returns the smallest segment size, FROM or a power of two times FROM, whose largest value has at
 * least LENGTH bytes; 0: there is none. */
uint64_t layout_segment_for(uint64_t length, uint64_t from, uint32_t block_bytes);

/* Returns the bytes for segments among CAPACITY: all but the superblock copies at both ends. */
uint64_t layout_space(uint64_t capacity);

/* Returns the size of a device that holds so many segments, in whole MiB. */
uint64_t layout_device_for(uint64_t segment_bytes, uint32_t segments);

/* Writes to BUF how to format a store that takes values of wish->max_value_bytes; of WISH,
 * capacity_bytes and block_bytes count too. Returns BUF. */
const char *layout_advise(const struct layout_wish *wish, char *buf, size_t size);

/* A store has one stream for each so many segments, because each stream has one open segment and
 * one that was begun ahead. */
#define LAYOUT_STREAM_SEGMENTS 8u

/* Returns the largest number of streams that a store of this layout has. */
static inline uint32_t layout_streams_max(const struct layout *l)
{
	uint32_t most = l->segments / LAYOUT_STREAM_SEGMENTS;

	return most > DISK_STREAMS ? DISK_STREAMS : most ? most : 1;
}

/* Returns how many blocks hold BYTES. */
static inline uint32_t layout_blocks(const struct layout *l, uint64_t bytes)
{
	return (uint32_t)((bytes + l->block_bytes - 1) >> l->block_shift);
}

/* Returns how many blocks a footer with COUNT entries has. */
static inline uint32_t layout_footer_blocks(const struct layout *l, uint64_t count)
{
	return layout_blocks(l, sizeof(struct disk_trailer) + count * sizeof(struct disk_entry));
}

/* Returns the store position of BLOCK in SEGMENT. */
static inline uint64_t layout_position(const struct layout *l, uint32_t segment, uint32_t block)
{
	CHECK(segment < l->segments && block < l->segment_blocks);
	return ((uint64_t)segment << l->segment_shift) + block;
}

static inline uint32_t layout_position_segment(const struct layout *l, uint64_t position)
{
	return (uint32_t)(position >> l->segment_shift);
}

static inline uint32_t layout_position_block(const struct layout *l, uint64_t position)
{
	return (uint32_t)position & (l->segment_blocks - 1);
}

/* Returns the device offset in bytes of BLOCK in SEGMENT. */
static inline uint64_t layout_offset(const struct layout *l, uint32_t segment, uint32_t block)
{
	return l->data_offset + (layout_position(l, segment, block) << l->block_shift);
}

#endif
