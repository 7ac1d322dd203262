/* SPDX-License-Identifier: Apache-2.0 */
/*
 * disk.c - decodes any bytes as the structures of a store. The first byte says which, and whether
 * the checksum is made right before.
 */
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "store/format/batch.h"
#include "store/format/footer.h"
#include "store/format/header.h"
#include "store/format/super.h"

#define DISK_BLOCK 512u

static struct layout lay;
static struct checksum_key key;
static const struct checksum_place place = { .segment = 1, .block = 3, .gen = { 2, 5 } };

static void disk_make(void)
{
	struct layout_wish wish = { .device_bytes = 1 << 20,
				    .logical_block_bytes = 512,
				    .segment_bytes = 65536,
				    .block_bytes = DISK_BLOCK,
				    .segments_min = LAYOUT_SEGMENTS_FORCED };
	uint8_t uuid[16] = { 1 }, secret[DISK_SECRET_BYTES] = { 2 };

	FUZZ_CHECK(!layout_make(&lay, &wish, "fuzz"));
	checksum_key_make(&key, uuid, secret, 0);
}

static void disk_super(uint8_t *buf, int seal)
{
	struct disk_super *disk = (void *)buf;
	struct super super;
	uint32_t version;

	if (seal)
		disk->checksum = htole64(checksum_super(disk));
	if (super_decode(&super, disk, 1, &version) != SUPER_VALID)
		return;
	FUZZ_CHECK(super.streams >= 1 && super.streams <= DISK_STREAMS);
	FUZZ_CHECK(super.tenants <= DISK_TENANTS && super.out_count <= DISK_OUT_MAX);
	FUZZ_CHECK(super.layout.segments && super.layout.segment_blocks);
	FUZZ_CHECK(layout_offset(&super.layout, super.layout.segments - 1, 0) +
			   super.layout.segment_bytes <=
		   super.layout.device_bytes);
}

static void disk_header(uint8_t *buf, int seal)
{
	struct checksum_place none = { .segment = 1 };
	uint8_t uuid[16] = { 1 };
	struct header h;

	if (seal)
		checksum_write(&key, CHECKSUM_SEGMENT, none, buf, sizeof(struct disk_segment));
	if (header_decode(&h, (const void *)buf, 1, &key, uuid))
		FUZZ_CHECK(h.segment == 1 && (h.state == DISK_USED || h.state == DISK_FREE));
}

static void disk_batch(uint8_t *buf, size_t size, int seal)
{
	struct batch_header h;
	struct batch_record r;
	uint64_t bytes;
	uint32_t at = 0, count = 0;

	if (!batch_peek(buf, place, &lay, &bytes) || bytes > size)
		return;
	if (seal)
		checksum_write(&key, CHECKSUM_BATCH, place, buf, bytes);
	if (!batch_decode(&h, buf, place, &lay, &key))
		return;
	while (batch_next(buf, &h, &at, &r)) {
		FUZZ_CHECK((const uint8_t *)r.key + r.key_len <= buf + bytes && r.key_len);
		FUZZ_CHECK(r.block + (uint64_t)layout_blocks(&lay, r.length) <= lay.segment_blocks);
		count++;
	}
	FUZZ_CHECK(count == h.count);
}

static void disk_footer(uint8_t *buf, size_t size)
{
	const uint8_t *last = buf + size - DISK_BLOCK;
	struct footer_entry e;
	struct footer f;

	if (footer_peek(&f, last, 1, place.gen, &lay) != FOOTER_VALID ||
	    f.blocks != size / DISK_BLOCK)
		return;
	/* The count is in bounds, so a writer could have sealed this. */
	footer_seal(buf, &f, &lay, &key);
	if (!footer_check(&f, buf, &lay, &key))
		return;
	for (uint32_t n = 0; n < f.count; n++) {
		footer_entry_decode(&e, (const struct disk_entry *)buf + n);
		FUZZ_CHECK(e.block + (uint64_t)layout_blocks(&lay, e.length) <= lay.segment_blocks);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t room, used = size > 1 ? size - 1 : 0;
	uint8_t *buf;

	if (!lay.segments)
		disk_make();
	if (!size)
		return 0;
	/* Whole blocks, as readers have them. Sanitizers detect a read beyond them. */
	room = data[0] % 4 ? (used + DISK_BLOCK) / DISK_BLOCK * DISK_BLOCK : DISK_SUPER_BYTES;
	buf = calloc(1, room);
	FUZZ_CHECK(buf);
	memcpy(buf, data + 1, used < room ? used : room);
	if (data[0] % 4 == 0)
		disk_super(buf, data[0] & 4);
	else if (data[0] % 4 == 1)
		disk_header(buf, data[0] & 4);
	else if (data[0] % 4 == 2)
		disk_batch(buf, room, data[0] & 4);
	else
		disk_footer(buf, room);
	free(buf);
	return 0;
}
