/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mkfs.c - makes an empty store, on one device or several.
 *
 * It erases the old superblocks, then writes every segment header as free, then writes the new
 * superblocks. So a format that is interrupted leaves no store at all, never a mixture of two. It
 * blocks; the calling thread owns everything.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include <weir/fdp.h>
#include <weir/store.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/opts.h"
#include "store/format/header.h"
#include "store/format/policy.h"
#include "store/empty.h"
#include "store/paths.h"
#include "store/store.h"

#define MKFS_DEPTH 64u

struct mkfs {
	struct weir_store_format_opts opts;
	struct weir_device *dev;
	struct weir_queue *q;
	struct super super;
	struct checksum_key checksum;
	uint64_t unit_bytes; /* size of the drive's reclaim units; 0: it does not matter */
};

static void mkfs_wish(const struct mkfs *m, struct layout_wish *wish)
{
	*wish = (struct layout_wish){ .capacity_bytes = m->opts.capacity_bytes,
				      .segment_bytes = m->opts.segment_bytes,
				      .block_bytes = m->opts.block_bytes,
				      .segments_min = m->opts.force >= 2 || m->opts.few_segments
							      ? LAYOUT_SEGMENTS_FORCED
							      : LAYOUT_SEGMENTS_MIN,
				      .unit_bytes = m->unit_bytes,
				      .max_value_bytes = m->opts.max_value_bytes };
}

/* Checks the options before the file is created: a format that cannot succeed creates no file. */
static int mkfs_before(const struct mkfs *m, const char *path)
{
	static const struct weir_fdp no_fdp;
	struct layout_wish wish;
	struct layout l;

	if (!m->opts.create_bytes || !access(path, F_OK))
		return 0;
	if (m->opts.placement == WEIR_PLACEMENT_STREAM)
		return log_placement_check_drive(path, &no_fdp);
	mkfs_wish(m, &wish);
	wish.device_bytes = (m->opts.create_bytes + 4095) & ~4095ull;
	wish.logical_block_bytes = 512;
	return layout_make(&l, &wish, path);
}

static int mkfs_open(struct mkfs *m, const char *path)
{
	struct weir_device_opts opts = WEIR_DEVICE_OPTS_INIT;
	struct weir_queue_opts queue = WEIR_QUEUE_OPTS_INIT;
	int err;

	queue.trace = m->opts.trace;
	opts.flags = WEIR_DEVICE_LOCK;
	if (m->opts.create_bytes) {
		opts.flags |= WEIR_DEVICE_CREATE;
		opts.create_bytes = m->opts.create_bytes;
	}
	err = weir_device_open(&m->dev, path, &opts);
	if (!err)
		err = weir_queue_open(&m->q, m->dev, &queue);
	return err ? err : weir_queue_attach(m->q, 0);
}

/*
 * Finds the size of the drive's reclaim units. A user who may not ask for it may still begin a unit
 * and see how much fits into it. Returns 0 with m->unit_bytes set, or -errno with an error text.
 */
static int mkfs_unit(struct mkfs *m, const struct weir_fdp *fdp)
{
	uint32_t last = fdp->nr_placements - 1;
	struct weir_fdp *after;
	int err;

	m->unit_bytes = fdp->unit_bytes;
	if (!fdp->partial)
		return 0;
	err = syncio_placement_update(m->q, fdp->placements[last].id);
	if (err)
		return error_sys(err, "%s: cannot find out how large its reclaim units are",
				 weir_device_path(m->dev));
	err = weir_fdp_read(&after, m->dev);
	if (err)
		return err;
	if (last < after->nr_placements)
		m->unit_bytes = after->placements[last].left_bytes;
	weir_fdp_free(after);
	return 0;
}

/* Reads from the drive what a store with placement by stream must know. */
static int mkfs_placement(struct mkfs *m)
{
	struct weir_fdp *fdp;
	int err;

	if (m->opts.placement != WEIR_PLACEMENT_STREAM)
		return 0;
	err = weir_fdp_read(&fdp, m->dev);
	if (err)
		return err;
	err = log_placement_check_drive(weir_device_path(m->dev), fdp);
	if (!err)
		err = mkfs_unit(m, fdp);
	weir_fdp_free(fdp);
	return err;
}

/* Without `force`, formats a device only if it is empty. */
static int mkfs_check_empty(struct mkfs *m)
{
	if (m->opts.force)
		return 0;
	if (weir_device_get_info(m->dev)->below_loop)
		return error_set(-EBUSY,
				 "%s: a loop device lies on it (losetup -a): losetup -d that "
				 "first, or use %s to destroy what is there",
				 weir_device_path(m->dev), error_name(ERROR_FORCE));
	return empty_check(m->q);
}

static int mkfs_random(void *buf, size_t length)
{
	uint8_t *to = buf;
	ssize_t got;

	while (length) {
		got = getrandom(to, length, 0);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return error_sys(-errno,
					 "cannot get random bytes for the identity of the store");
		to += got;
		length -= (size_t)got;
	}
	return 0;
}

static int mkfs_layout(struct mkfs *m)
{
	const struct weir_device_info *info = weir_device_get_info(m->dev);
	struct layout_wish wish;

	mkfs_wish(m, &wish);
	wish.device_bytes = info->capacity_bytes;
	wish.logical_block_bytes = info->logical_block_bytes;
	return layout_make(&m->super.layout, &wish, weir_device_path(m->dev));
}

/* Makes the layout of all devices. Each gets as many keys as the others, so each gives as much
 * space as the smallest, in segments of one size. */
static int mkfs_layouts(struct mkfs *m, uint32_t n)
{
	struct mkfs *smallest = m;
	uint32_t i;
	int err;

	for (i = 1; i < n; i++)
		if (weir_device_get_info(m[i].dev)->capacity_bytes <
		    weir_device_get_info(smallest->dev)->capacity_bytes)
			smallest = &m[i];
	err = mkfs_layout(smallest);
	for (i = 0; i < n && !err; i++) {
		if (&m[i] == smallest)
			continue;
		m[i].opts.capacity_bytes = smallest->super.layout.capacity_bytes;
		m[i].opts.segment_bytes = smallest->super.layout.segment_bytes;
		err = mkfs_layout(&m[i]);
	}
	return err;
}

static int mkfs_identity(struct super *super)
{
	int err = mkfs_random(super->uuid, sizeof(super->uuid));

	if (!err)
		err = mkfs_random(super->secret, sizeof(super->secret));
	if (err)
		return err;
	super->uuid[6] = (uint8_t)((super->uuid[6] & 0x0f) | 0x40); /* version 4: random */
	super->uuid[8] = (uint8_t)((super->uuid[8] & 0x3f) | 0x80);
	super->created_ns = clock_wall();
	return 0;
}

/* Returns the write budget of one of COUNT devices; each has as many keys as the others. */
static uint64_t mkfs_write_budget(const struct mkfs *m, uint32_t count)
{
	uint64_t capacity = m->super.layout.capacity_bytes, each = m->opts.write_budget / count;

	if (m->opts.write_budget_percent)
		each = (uint64_t)((unsigned __int128)capacity * m->opts.write_budget_percent / 100);
	return m->opts.write_budget && !each ? 1 : each;
}

/* Makes the superblock of device INDEX of COUNT. FIRST is that of the first device. */
static void mkfs_super(struct mkfs *m, const struct super *first, uint32_t index, uint32_t count)
{
	struct super *super = &m->super;

	memcpy(super->uuid, first->uuid, sizeof(super->uuid));
	memcpy(super->secret, first->secret, sizeof(super->secret));
	super->created_ns = first->created_ns;
	super->revision = 1;
	super->device_index = index;
	super->device_count = count;
	super->placement = m->opts.placement == WEIR_PLACEMENT_STREAM;
	super->policy = m->opts.policy;
	super->rewrite_percent = m->opts.rewrite_percent;
	super->free_low = m->opts.free_low_percent;
	super->free_high = m->opts.free_high_percent;
	super->write_budget = mkfs_write_budget(m, count);
	super->streams = 1;
	checksum_key_make(&m->checksum, super->uuid, super->secret, super->device_index);
}

static int mkfs_erase(struct mkfs *m)
{
	void *zeroes;
	int err;

	if (posix_memalign(&zeroes, 65536, DISK_SUPER_ROOM))
		return error_set(-ENOMEM, "%s: out of memory", weir_device_path(m->dev));
	memset(zeroes, 0, DISK_SUPER_ROOM);
	err = syncio_write(m->q, m->super.layout.copy_offset[0], zeroes, DISK_SUPER_ROOM);
	if (!err)
		err = syncio_write(m->q, m->super.layout.copy_offset[1], zeroes, DISK_SUPER_ROOM);
	/* An old superblock must not come back beside new segment headers. */
	if (!err)
		err = syncio_flush(m->q);
	free(zeroes);
	return err;
}

static void mkfs_place(struct syncio_many *many, uint64_t i, uint64_t *offset, size_t *length)
{
	struct mkfs *m = many->user;

	CHECK(i < m->super.layout.segments);
	*offset = layout_offset(&m->super.layout, (uint32_t)i, 0);
	*length = m->super.layout.block_bytes;
}

static void mkfs_fill(struct syncio_many *many, uint64_t i, void *buf)
{
	struct mkfs *m = many->user;
	struct header h = { .segment = (uint32_t)i,
			    .state = DISK_FREE,
			    .time_ns = m->super.created_ns };

	memset(buf, 0, m->super.layout.block_bytes);
	header_encode(buf, &h, &m->checksum, m->super.uuid);
}

/* Writes every header, so that a missing one is known to be damaged later. */
static int mkfs_headers(struct mkfs *m)
{
	struct syncio_many many = { .q = m->q,
				    .count = m->super.layout.segments,
				    .depth = MKFS_DEPTH,
				    .op = WEIR_OP_WRITE,
				    .place = mkfs_place,
				    .fill = mkfs_fill,
				    .user = m };
	int err = syncio_many(&many);

	return err ? err : syncio_flush(m->q);
}

/* Writes the N devices of a store. While this goes on there is no store on any of them: the old
 * superblocks go first, and the new ones come last. */
static int mkfs_write(struct mkfs *m, uint32_t n)
{
	struct superio_found none = { .state = { SUPER_NONE, SUPER_NONE } };
	uint32_t i;
	int err = 0;

	for (i = 0; i < n && !err; i++)
		err = mkfs_erase(&m[i]);
	for (i = 0; i < n && !err; i++)
		err = mkfs_headers(&m[i]);
	if (err)
		return error_set(err, "%s (while formatting)", weir_error());
	for (i = 0; i < n && !err; i++)
		err = superio_write(m[i].q, &m[i].super, &none, true);
	return err;
}

/* Makes a store on the devices, which are open. */
static int mkfs_make(struct mkfs *m, uint32_t n)
{
	int err = mkfs_layouts(m, n);
	uint32_t i;

	if (!err)
		err = mkfs_identity(&m->super);
	if (!err)
		err = policy_check_write_budget(mkfs_write_budget(m, n));
	for (i = 0; i < n && !err; i++)
		mkfs_super(&m[i], &m->super, i, n);
	return err ? err : mkfs_write(m, n);
}

static int mkfs_prepare(struct mkfs *m, const char *path)
{
	int err = mkfs_open(m, path);

	if (!err)
		err = mkfs_check_empty(m);
	return err ? err : mkfs_placement(m);
}

static int mkfs_run(const char *const *paths, uint32_t n, struct mkfs *m)
{
	uint32_t i;
	int err = 0;

	if (m->opts.placement > WEIR_PLACEMENT_STREAM)
		return error_set(-EINVAL,
				 "no such placement: %u (use WEIR_PLACEMENT_NONE or _STREAM)",
				 m->opts.placement);
	for (i = 1; i < n; i++)
		m[i].opts = m->opts;
	for (i = 0; i < n && !err; i++)
		err = mkfs_before(&m[i], paths[i]);
	for (i = 0; i < n && !err; i++)
		err = mkfs_prepare(&m[i], paths[i]);
	if (!err)
		err = mkfs_make(m, n);
	for (i = 0; i < n; i++) {
		if (m[i].q)
			weir_queue_close(m[i].q);
		weir_device_close(m[i].dev);
	}
	return err;
}

static int mkfs_many(const char *const *paths, uint32_t n,
		     const struct weir_store_format_opts *opts)
{
	struct mkfs *m;
	int err;

	if (!n || n > WEIR_DEVICES_MAX)
		return error_set(-EINVAL, "a store on %u devices: it has 1 to %u", n,
				 WEIR_DEVICES_MAX);
	m = calloc(n, sizeof(*m));
	if (!m)
		return error_sys(-ENOMEM, "cannot format");
	m->opts = (struct weir_store_format_opts)WEIR_STORE_FORMAT_OPTS_INIT;
	err = opts_copy(&m->opts, sizeof(m->opts), opts, opts ? opts->size : 0);
	if (!err)
		err = policy_check(m->opts.policy, m->opts.rewrite_percent);
	if (!err)
		err = policy_check_marks(m->opts.free_low_percent, m->opts.free_high_percent);
	if (!err && m->opts.write_budget && m->opts.write_budget_percent)
		err = error_set(-EINVAL, "two write budgets: in bytes and in drive writes");
	if (!err)
		err = mkfs_run(paths, n, m);
	free(m);
	return err;
}

int weir_store_format_many(const char *const *paths, uint32_t n,
			   const struct weir_store_format_opts *opts)
{
	struct error_scope scope;

	error_begin(&scope);
	return error_end(&scope, mkfs_many(paths, n, opts), "%s", n ? paths[0] : "no device");
}

static int mkfs_text(const char *path, const struct weir_store_format_opts *opts)
{
	struct paths paths;
	int err = paths_split(&paths, path);

	if (!err)
		err = mkfs_many(paths.path, paths.count, opts);
	paths_free(&paths);
	return err;
}

int weir_store_format(const char *path, const struct weir_store_format_opts *opts)
{
	struct error_scope scope;

	error_begin(&scope);
	return error_end(&scope, mkfs_text(path, opts), "%s", path);
}
