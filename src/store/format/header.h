/* SPDX-License-Identifier: Apache-2.0 */
/*
 * header.h - encodes and decodes the header of a segment.
 */
#ifndef HEADER_H
#define HEADER_H

#include <stdbool.h>
#include <stdint.h>

#include "store/format/checksum.h"

struct header {
	struct generation gen;
	uint32_t segment;
	uint32_t state; /* enum disk_state */
	uint32_t stream;
	uint64_t sequence;
	uint64_t time_ns;
};

/* Writes H to the first 128 bytes of DISK. */
void header_encode(struct disk_segment *disk, const struct header *h,
		   const struct checksum_key *key, const uint8_t uuid[16]);

/* Decodes the header of segment SEGMENT. Returns false if it is not valid. */
bool header_decode(struct header *h, const struct disk_segment *disk, uint32_t segment,
		   const struct checksum_key *key, const uint8_t uuid[16]);

#endif
