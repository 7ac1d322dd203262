/* SPDX-License-Identifier: Apache-2.0 */
/*
 * superpick.c - chooses between two superblock copies that belong to two stores.
 *
 * A misdirected write or a wrong dd may put the copy of another store over one of this store's. The
 * segment headers tell which store is on the device: their checksums contain UUID and secret.
 * Formatting writes every header, so at the places where both stores would have a header, all
 * belong to the store that was formatted last. Elsewhere headers of an older store may be left. A
 * header that cannot be read may be of either store. It runs on the thread that opens, and owns
 * nothing.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/error.h"
#include "store/format/header.h"
#include "store/io/superpick.h"
#include "store/io/syncio.h"

#define SUPERPICK_DEPTH 64u
/* The store with fewer headers may have one for so many of the other's. */
#define SUPERPICK_MARGIN 8u

struct superpick {
	const struct super *super[2];
	struct checksum_key key[2];
	uint64_t step; /* bytes from one place to the next */
	size_t bytes;  /* of a read */
	uint64_t headers[2];
	uint64_t unread;
	char why[ERROR_BYTES]; /* the words of the first read that failed for good */
};

static void superpick_place(struct syncio_many *m, uint64_t i, uint64_t *offset, size_t *length)
{
	const struct superpick *p = m->user;

	*offset = DISK_SUPER_ROOM + i * p->step;
	*length = p->bytes;
}

/* Counts the header of place I at BUF for its store. Returns false if it is of neither. */
static bool superpick_count(struct superpick *p, uint64_t i, const void *buf)
{
	uint64_t before = p->headers[0] + p->headers[1];
	struct header h;

	for (unsigned n = 0; n < 2; n++) {
		const struct super *super = p->super[n];
		uint32_t segment = (uint32_t)(i * p->step / super->layout.segment_bytes);

		p->headers[n] += header_decode(&h, buf, segment, &p->key[n], super->uuid);
	}
	return p->headers[0] + p->headers[1] > before;
}

/* Notes that the header of a place could not be read, for the reason in weir_error(). */
static int superpick_unread(struct superpick *p, int err)
{
	if (!p->unread++)
		snprintf(p->why, sizeof(p->why), "%s", weir_error());
	return err == -ENOMEM || err == -ENODEV ? err : 0;
}

/* A header of neither store is read once more, because a drive or a link may lose or garble a
 * read. */
static int superpick_header(struct syncio_many *m, uint64_t i, void *buf, int result)
{
	struct superpick *p = m->user;

	if (result)
		return superpick_unread(p, result);
	if (superpick_count(p, i, buf))
		return 0;
	result = syncio_read(m->q, DISK_SUPER_ROOM + i * p->step, buf, p->bytes);
	if (result)
		return superpick_unread(p, result);
	superpick_count(p, i, buf);
	return 0;
}

/* Returns the number of places at which both stores would have a header. */
static uint64_t superpick_places(const struct superpick *p, uint64_t capacity)
{
	uint64_t end = capacity;

	for (unsigned n = 0; n < 2; n++) {
		const struct layout *l = &p->super[n]->layout;
		uint64_t own = l->data_offset + l->segments * l->segment_bytes;

		CHECK(l->data_offset == DISK_SUPER_ROOM && !(p->step % l->segment_bytes));
		end = own < end ? own : end;
	}
	return end < DISK_SUPER_ROOM + p->step ? 0 : (end - DISK_SUPER_ROOM) / p->step;
}

/* Returns true if the store that has MORE headers than the other one is on the device, if UNREAD
 * further headers are the other one's. */
static bool superpick_tells(const struct superpick *p, unsigned more, uint64_t unread)
{
	return p->headers[more] &&
	       p->headers[!more] + unread <= p->headers[more] / SUPERPICK_MARGIN;
}

/* Law two-stores (superpick_header, superpick_tells): of two valid superblock copies of different
 * stores, the one counts whose segment headers are on the device; if they do not tell, the open is
 * refused. A header that cannot be read says nothing, so it must not matter whose it is. */
static int superpick_decide(const struct superpick *p, const char *path)
{
	unsigned more = p->headers[1] > p->headers[0];

	if (superpick_tells(p, more, p->unread))
		return (int)more;
	if (p->unread && (superpick_tells(p, more, 0) || !p->headers[more]))
		return error_set(-EIO,
				 "%s (its two superblock copies belong to two stores; %llu segment "
				 "headers that cannot be read may be of either: try again, or "
				 "write the right copy over the wrong one)",
				 p->why, (unsigned long long)p->unread);
	return error_set(-EBADMSG,
			 "%s: its two superblock copies belong to two stores: %llu segment headers "
			 "are of the first one's and %llu of the second one's; write the right "
			 "copy over the wrong one (the first or the last 64 KiB)",
			 path, (unsigned long long)p->headers[0],
			 (unsigned long long)p->headers[1]);
}

int superpick_foreign(const char *path)
{
	return error_set(-EBADMSG,
			 "%s: damaged: none of its segments has a header of the store that the "
			 "superblock names; restore the right superblock (the first or the last "
			 "64 KiB), or format it anew",
			 path);
}

int superpick_run(struct weir_queue *q, const struct super *first, const struct super *second)
{
	const struct weir_device_info *info = weir_device_get_info(weir_queue_device(q));
	struct superpick p = { .super = { first, second }, .bytes = DISK_SUPER_BYTES };
	struct syncio_many m = { .q = q,
				 .depth = SUPERPICK_DEPTH,
				 .op = WEIR_OP_READ,
				 .place = superpick_place,
				 .done = superpick_header,
				 .user = &p };
	int err;

	CHECK(memcmp(first->uuid, second->uuid, sizeof(first->uuid)) != 0);
	if (info->logical_block_bytes > p.bytes)
		p.bytes = info->logical_block_bytes;
	for (unsigned n = 0; n < 2; n++) {
		const struct super *super = p.super[n];

		checksum_key_make(&p.key[n], super->uuid, super->secret, super->device_index);
		if (super->layout.segment_bytes > p.step)
			p.step = super->layout.segment_bytes;
	}
	m.count = superpick_places(&p, info->capacity_bytes);
	err = syncio_many(&m);
	return err ? err : superpick_decide(&p, weir_device_path(weir_queue_device(q)));
}
