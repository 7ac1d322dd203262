/* SPDX-License-Identifier: Apache-2.0 */
/*
 * superio.c - reads the two superblock copies, chooses one, and replaces them.
 *
 * It runs on the thread that opens or formats, before anybody else knows the store. It owns
 * nothing.
 */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/error.h"
#include "store/format/checksum.h"
#include "store/io/superio.h"
#include "store/io/superpick.h"
#include "store/io/syncio.h"

/* A copy as it was read. */
struct superio_copy {
	enum super_state state;
	uint32_t version;      /* set if the state is SUPER_VERSION */
	struct super super;    /* set if the state is SUPER_VALID */
	void *buf;	       /* memory to read it into; superio_read() owns it */
	char why[ERROR_BYTES]; /* the words of the read if the state is SUPER_UNREADABLE */
};

size_t superio_bytes(const struct weir_device_info *info)
{
	return info->logical_block_bytes > DISK_SUPER_BYTES ? info->logical_block_bytes
							    : DISK_SUPER_BYTES;
}

static enum super_state superio_decode(struct weir_queue *q, uint64_t offset, uint32_t copy,
				       struct superio_copy *to, size_t bytes)
{
	if (!syncio_read(q, offset, to->buf, bytes))
		return super_decode(&to->super, to->buf, copy, &to->version);
	snprintf(to->why, sizeof(to->why), "%s", weir_error());
	return SUPER_UNREADABLE;
}

/* Reads one copy. The device may be too short to have it. A copy that is not valid is read once
 * more, because a drive or a link may lose or garble a read. */
static void superio_copy(struct weir_queue *q, uint64_t offset, uint32_t copy,
			 struct superio_copy *to)
{
	const struct weir_device_info *info = weir_device_get_info(weir_queue_device(q));
	size_t bytes = superio_bytes(info);

	to->state = SUPER_NONE;
	if (offset + bytes > info->capacity_bytes)
		return;
	to->state = superio_decode(q, offset, copy, to, bytes);
	if (to->state != SUPER_VALID && to->state != SUPER_UNREADABLE)
		to->state = superio_decode(q, offset, copy, to, bytes);
}

/* Sets the most useful error if no copy is valid. */
static int superio_nothing(const char *path, const struct superio_copy copy[2])
{
	unsigned unread = copy[1].state == SUPER_UNREADABLE;

	if (copy[0].state == SUPER_VERSION || copy[1].state == SUPER_VERSION)
		return error_set(-EPROTONOSUPPORT,
				 "%s: a weir store of format version %u, and this weir knows %u: "
				 "use the weir that made it",
				 path, copy[copy[0].state != SUPER_VERSION].version, DISK_VERSION);
	if (copy[0].state == SUPER_UNREADABLE && unread)
		return error_set(-EIO, "%s: neither superblock copy can be read: %s", path,
				 copy[1].why);
	if (copy[0].state == SUPER_UNREADABLE || unread)
		return error_set(-EIO,
				 "%s: superblock copy %u cannot be read, and the other one is not "
				 "valid: %s",
				 path, unread + 1, copy[unread].why);
	if (copy[0].state == SUPER_DAMAGED || copy[1].state == SUPER_DAMAGED)
		return error_set(-EBADMSG,
				 "%s: both superblock copies are damaged; restore the first or the "
				 "last 64 KiB from a backup, or format it anew",
				 path);
	return error_set(-EMEDIUMTYPE, "%s: not a weir store (%s makes one)", path,
			 error_name(ERROR_FORMAT));
}

static bool superio_both_valid(const struct superio_copy copy[2])
{
	return copy[0].state == SUPER_VALID && copy[1].state == SUPER_VALID;
}

static bool superio_same_store(const struct superio_copy copy[2])
{
	return !memcmp(copy[0].super.uuid, copy[1].super.uuid, sizeof(copy[0].super.uuid));
}

/* Reads both copies. The first one knows where the second one is, also if the device has grown. But
 * it may be another store's, and then the second one is found from the size of the device. */
static void superio_copies(struct weir_queue *q, struct superio_copy copy[2])
{
	uint64_t capacity = weir_device_get_info(weir_queue_device(q))->capacity_bytes;
	uint64_t end = layout_second_copy(capacity), named = end;

	superio_copy(q, 0, 1, &copy[0]);
	if (copy[0].state == SUPER_VALID)
		named = copy[0].super.layout.copy_offset[1];
	copy[1].state = SUPER_NONE;
	if (named)
		superio_copy(q, named, 2, &copy[1]);
	if (end && end != named && copy[1].state != SUPER_VALID) {
		struct superio_copy last = { .state = SUPER_NONE, .buf = copy[1].buf };

		superio_copy(q, end, 2, &last);
		if (last.state == SUPER_VALID)
			copy[1] = last;
	}
}

/*
 * Chooses the copy that counts: the valid one with the highest revision, of the store that is on
 * the device. The other store's copy counts as missing. Returns 0 or 1, or -errno.
 *
 * Law one-copy (superio_copies, superio_same_store): the valid superblock copy of the highest
 * revision counts, and one valid copy is enough.
 */
static int superio_choose(struct weir_queue *q, struct superio_copy copy[2])
{
	int own;

	if (!superio_both_valid(copy)) {
		if (copy[0].state != SUPER_VALID && copy[1].state != SUPER_VALID)
			return superio_nothing(weir_device_path(weir_queue_device(q)), copy);
		return copy[0].state != SUPER_VALID;
	}
	if (superio_same_store(copy))
		return copy[1].super.revision > copy[0].super.revision;
	own = superpick_run(q, &copy[0].super, &copy[1].super);
	if (own >= 0)
		copy[!own].state = SUPER_NONE;
	return own;
}

/* Takes memory for two copies, and to read them. NULL: there is none. */
static struct superio_copy *superio_memory(const struct weir_device_info *info)
{
	struct superio_copy *copy = calloc(2, sizeof(*copy));

	if (!copy || posix_memalign(&copy->buf, 65536, superio_bytes(info))) {
		free(copy);
		return NULL;
	}
	copy[1].buf = copy[0].buf;
	return copy;
}

int superio_read(struct weir_queue *q, struct super *super, struct superio_found *found)
{
	struct weir_device *dev = weir_queue_device(q);
	const struct weir_device_info *info = weir_device_get_info(dev);
	struct superio_copy *copy = superio_memory(info);
	int best;

	if (!copy)
		return error_sys(-ENOMEM, "%s: reading the superblocks", weir_device_path(dev));
	superio_copies(q, copy);
	best = superio_choose(q, copy);
	if (best >= 0)
		*super = copy[best].super;
	for (unsigned n = 0; n < 2 && best >= 0 && found; n++) {
		found->state[n] = copy[n].state;
		found->revision[n] = copy[n].state == SUPER_VALID ? copy[n].super.revision : 0;
		found->out_count[n] = copy[n].state == SUPER_VALID ? copy[n].super.out_count : 0;
		found->out_aside[n] = copy[n].state == SUPER_VALID ? copy[n].super.out_aside : 0;
		found->unwritable[n] = false;
	}
	free(copy->buf);
	free(copy);
	if (best < 0)
		return best;
	return layout_check_device(&super->layout, weir_device_path(dev), info->capacity_bytes,
				   info->logical_block_bytes);
}

/* Writes one copy: 0, or the error of the write. A flush must follow. */
static int superio_write_copy(struct weir_queue *q, const struct super *super, unsigned copy)
{
	struct weir_device *dev = weir_queue_device(q);
	size_t bytes = superio_bytes(weir_device_get_info(dev));
	void *buf;
	int err;

	if (posix_memalign(&buf, 65536, bytes))
		return error_sys(-ENOMEM, "%s: writing the superblock", weir_device_path(dev));
	CHECK(bytes >= DISK_SUPER_BYTES && super->streams >= 1);
	memset(buf, 0, bytes);
	super_encode(buf, super, copy + 1);
	err = syncio_write(q, super->layout.copy_offset[copy], buf, bytes);
	free(buf);
	return err ? error_set(err, "%s (writing superblock copy %u)", weir_error(), copy + 1) : 0;
}

/* Changes the superblock at BUF, which is as it was read, to begin a life: only bytes of its first
 * logical block are changed. */
static void superio_patch(struct disk_super *disk, const struct super *super)
{
	static_assert(offsetof(struct disk_super, streams) < 512, "in the first sector");
	disk->revision = htole64(super->revision);
	disk->epoch = htole64(super->epoch);
	disk->streams = htole32(super->streams);
	disk->checksum = htole64(checksum_super(disk));
}

static int superio_lacks_out(const char *copy)
{
	return error_set(-EIO,
			 "%s; %s does not say which segments are out of use, so the store can only "
			 "be opened read-only",
			 weir_error(), copy);
}

/* Begins the new life in copy COPY alone, whose first block is at BUF, and makes SUPER what it says
 * then. */
static int superio_begin_in(struct weir_queue *q, struct super *super, unsigned copy, void *buf)
{
	struct weir_device *dev = weir_queue_device(q);
	uint64_t offset = super->layout.copy_offset[copy];
	struct super now;
	uint32_t version;
	int err;

	if (super_decode(&now, buf, copy + 1, &version) != SUPER_VALID ||
	    now.out_count != super->out_count)
		return superio_lacks_out("the other copy");
	superio_patch(buf, super);
	err = syncio_write(q, offset, buf, weir_device_get_info(dev)->logical_block_bytes);
	if (err)
		return error_set(err, "%s (writing superblock copy %u, too)", weir_error(),
				 copy + 1);
	if (super_decode(super, buf, copy + 1, &version) != SUPER_VALID)
		return error_set(-EBADMSG, "%s: superblock copy %u changed while it was read",
				 weir_device_path(dev), copy + 1);
	return syncio_flush(q);
}

/*
 * Begins a life although a copy cannot be written: in COPY, the only good one.
 *
 * That copy must not be torn, so only its first logical block is written. This is enough for a new
 * epoch. Other changes need both copies, so that each copy has all that was ever used: tenants,
 * streams and segments out of use. The epoch is also in the headers of segments. So a later life
 * may open with either copy.
 */
static int superio_write_alone(struct weir_queue *q, struct super *super, unsigned copy)
{
	size_t bytes = superio_bytes(weir_device_get_info(weir_queue_device(q)));
	char why[ERROR_BYTES];
	void *buf;
	int err;

	snprintf(why, sizeof(why), "%s", weir_error());
	if (posix_memalign(&buf, 65536, bytes))
		return error_sys(-ENOMEM, "%s; reading superblock copy %u", why, copy + 1);
	err = syncio_read(q, super->layout.copy_offset[copy], buf, bytes);
	if (err) {
		error_set(err, "%s (reading superblock copy %u after: %s)", weir_error(), copy + 1,
			  why);
	} else {
		error_set(-EIO, "%s", why);
		err = superio_begin_in(q, super, copy, buf);
	}
	free(buf);
	return err;
}

/* Handles a failed write of copy COPY, with ERR. */
static int superio_unwritable(struct superio_found *found, unsigned copy, int err)
{
	if (err == -ENOMEM || err == -ENODEV)
		return err;
	found->unwritable[copy] = true;
	return 0;
}

/* Returns true if copy COPY, which stays as it is, would tell a later life that segments are in
 * use, or set aside, which are not: a change came to the other copy alone. */
static bool superio_is_behind(const struct superio_found *found, unsigned copy,
			      const struct super *super)
{
	return found->state[copy] == SUPER_VALID &&
	       (found->out_count[copy] != super->out_count ||
		found->out_aside[copy] != found->out_aside[!copy]);
}

/* Law both-copies (superio_unwritable, superio_write_alone): a change of the superblock is used
 * when both copies have it on the medium; a new epoch also when one copy has it and the other
 * cannot be written. */
int superio_write(struct weir_queue *q, struct super *super, struct superio_found *found, bool both)
{
	/* Law good-copy-last: a copy has several sectors and can be torn, so the only good copy is
	 * written last, after the other one is on the medium. */
	unsigned first =
		found->state[0] == SUPER_VALID &&
		(found->state[1] != SUPER_VALID || found->revision[1] < found->revision[0]);
	int err, failed;

	/* Either there is a good copy to keep, or there is none at all. */
	CHECK(found->state[!first] == SUPER_VALID || found->state[first] != SUPER_VALID);
	err = superio_write_copy(q, super, first);
	if (err && !both && found->state[!first] == SUPER_VALID &&
	    !superio_unwritable(found, first, err))
		return superio_is_behind(found, first, super)
			       ? superio_lacks_out("that copy")
			       : superio_write_alone(q, super, !first);
	/* The other copy stays untouched until this one is on the medium, so one is always
	 * whole. */
	if (!err)
		err = syncio_flush(q);
	if (err)
		return err;
	failed = superio_write_copy(q, super, !first);
	if (failed && (both || superio_unwritable(found, !first, failed)))
		return failed;
	return syncio_flush(q);
}
