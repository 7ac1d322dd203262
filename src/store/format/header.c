/* SPDX-License-Identifier: Apache-2.0 */
/*
 * header.c - encodes and checks segment headers. Pure functions; own nothing, any thread.
 */
#include <string.h>

#include "base/check.h"
#include "store/format/header.h"

/* The seed of a header's checksum does not contain the generation: it is inside the header, so a
 * reader does not know it yet. All other checksums of the segment contain it. */
static struct checksum_place header_place(uint32_t segment)
{
	return (struct checksum_place){ .segment = segment };
}

void header_encode(struct disk_segment *disk, const struct header *h,
		   const struct checksum_key *key, const uint8_t uuid[16])
{
	CHECK(h->state == DISK_USED || h->state == DISK_FREE);
	CHECK(h->stream < DISK_STREAMS);
	memset(disk, 0, sizeof(*disk));
	disk->magic = htole64(DISK_SEGMENT_MAGIC);
	memcpy(disk->uuid, uuid, sizeof(disk->uuid));
	disk->epoch = htole64(h->gen.epoch);
	disk->counter = htole64(h->gen.counter);
	disk->device = htole32(key->device);
	disk->segment = htole32(h->segment);
	disk->state = htole32(h->state);
	disk->stream = htole32(h->stream);
	disk->sequence = htole64(h->sequence);
	disk->time_ns = htole64(h->time_ns);
	checksum_write(key, CHECKSUM_SEGMENT, header_place(h->segment), disk, sizeof(*disk));
}

bool header_decode(struct header *h, const struct disk_segment *disk, uint32_t segment,
		   const struct checksum_key *key, const uint8_t uuid[16])
{
	if (le64toh(disk->magic) != DISK_SEGMENT_MAGIC ||
	    !checksum_holds(key, CHECKSUM_SEGMENT, header_place(segment), disk, sizeof(*disk)))
		return false;
	h->gen.epoch = le64toh(disk->epoch);
	h->gen.counter = le64toh(disk->counter);
	h->segment = le32toh(disk->segment);
	h->state = le32toh(disk->state);
	h->stream = le32toh(disk->stream);
	h->sequence = le64toh(disk->sequence);
	h->time_ns = le64toh(disk->time_ns);
	return !memcmp(disk->uuid, uuid, sizeof(disk->uuid)) && h->segment == segment &&
	       le32toh(disk->device) == key->device &&
	       (h->state == DISK_USED || h->state == DISK_FREE);
}
