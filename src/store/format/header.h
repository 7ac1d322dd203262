/* SPDX-License-Identifier: Apache-2.0 */
/*
 * header.h - the header of a segment to and from bytes.
 */
#ifndef HEADER_H
#define HEADER_H

#include <stdbool.h>
#include <stdint.h>

#include "store/format/checksum.h"

#define HEADER_NO_SEGMENT UINT64_MAX

struct header {
	struct generation gen;
	uint32_t segment;
	uint32_t state; /* enum disk_state */
	uint32_t stream;
	uint64_t previous;
	uint64_t sequence;
	uint64_t time_ns;
};

/* Writes H to the first 128 bytes of DISK. */
void header_encode(struct disk_segment *disk, const struct header *h,
		   const struct checksum_key *key, const uint8_t uuid[16]);

/* Reads the header of segment SEGMENT; false if these bytes are none. */
bool header_decode(struct header *h, const struct disk_segment *disk, uint32_t segment,
		   const struct checksum_key *key, const uint8_t uuid[16]);

#endif
