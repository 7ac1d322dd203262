/* SPDX-License-Identifier: Apache-2.0 */
/*
 * placing.c - streams on the placement ids of a drive with FDP.
 *
 * Each stream has an id of its own while there are enough; then the one that holds the fewest
 * segments is shared. Ids are kept in the superblock, so that a stream goes on where it was.
 * Where segments are whole reclaim units the drive is told to begin a unit when a segment is
 * opened: then the unit empties as a whole when the segment is reclaimed.
 *
 * Only batches go to a stream's id. Headers are written before the segment's unit is begun, and
 * footers while the next one's is filled: there they would take the room of its last batches, which
 * would begin one more unit, and would outlive what is around them. They go to the default id
 * with the superblocks. Owns what the drive said; the loop's thread, or the one that opens the
 * store.
 */
#include <errno.h>
#include <stdio.h>

#include <weir/base.h>
#include <weir/fdp.h>

#include "base/error.h"
#include "store/impl.h"

/* Where a write goes that names no id. */
#define PLACEMENT_DEFAULT_ID 0u

int placing_check_drive(const char *path, const struct weir_fdp *fdp)
{
	if (fdp->enabled && fdp->nr_placements)
		return 0;
	return error_set(-EOPNOTSUPP, "%s: %s, so streams cannot be placed: say --placement none",
			 path,
			 fdp->supported ? "FDP is not enabled (see weir fdp)"
					: "FDP is for NVMe drives that have it");
}

/* Can ids be named on this device? */
static int placing_possible(const struct weir_store *s, const struct weir_fdp *fdp)
{
	const char *path = weir_device_path(s->dev);

	int err = placing_check_drive(path, fdp);

	if (err)
		return err;
	if (weir_device_get_info(s->dev)->kind != WEIR_DEVICE_NVME_CHAR)
		return error_set(-EOPNOTSUPP,
				 "%s: streams cannot be placed: only NVMe passthrough names "
				 "placement ids: use the character device (/dev/ng0n1 for "
				 "/dev/nvme0n1), or say --placement none",
				 path);
	return 0;
}

/*
 * Who may not ask how large the drive's units are knows that format cut the segments to them; but
 * not where there is more room left in a unit than a segment takes.
 */
static void placing_guess_unit(struct weir_store *s)
{
	struct weir_fdp *fdp = s->fdp;

	if (!fdp->partial || !s->super.placement)
		return;
	for (uint32_t n = 0; n < fdp->nr_placements; n++)
		if (fdp->placements[n].left_bytes > s->lay->segment_bytes)
			return;
	fdp->unit_bytes = s->lay->segment_bytes;
}

int placing_open(struct weir_store *s, uint32_t wish)
{
	bool asked = wish == WEIR_PLACEMENT_STREAM;
	int err;

	if (wish > WEIR_PLACEMENT_STREAM)
		return error_set(-EINVAL, "no such placement: %u", wish);
	if (!asked && (wish == WEIR_PLACEMENT_NONE || !s->super.placement))
		return 0;
	err = weir_fdp_read(&s->fdp, s->dev);
	if (!err)
		err = placing_possible(s, s->fdp);
	if (!err) {
		placing_guess_unit(s);
		return 0;
	}
	weir_fdp_free(s->fdp);
	s->fdp = NULL;
	/* A store that was formatted for it works without, on another drive or by another way. */
	if (!asked)
		snprintf(s->placing_why, sizeof(s->placing_why), "%s", weir_error());
	return asked ? err : 0;
}

static bool placing_is(const struct disk_stream *stream, uint16_t id)
{
	return le32toh(stream->flags) & DISK_STREAM_PLACED && le32toh(stream->placement) == id;
}

/* The drive may have been formatted with other ids since. */
static bool placing_known(const struct weir_store *s, const struct disk_stream *stream)
{
	for (uint32_t n = 0; n < s->fdp->nr_placements; n++)
		if (placing_is(stream, s->fdp->placements[n].id))
			return true;
	return false;
}

/* What the streams of SUPER with ID fill, in segments; a stream counts even if it is empty, and so
 * do headers and footers. */
static uint64_t placing_filled(const struct weir_store *s, const struct super *super, uint16_t id)
{
	uint64_t filled = id == PLACEMENT_DEFAULT_ID;

	for (uint32_t n = 0; n < super->streams; n++)
		if (placing_is(&super->stream[n], id))
			filled += 1 + (n < s->nr_logs ? s->logs[n]->used_segments : 0);
	return filled;
}

/* One that no stream has, or else the least filled; in the drive's order. */
static uint16_t placing_choose(const struct weir_store *s, const struct super *super)
{
	const struct weir_fdp_placement *p = s->fdp->placements;
	uint64_t filled, least = UINT64_MAX;
	uint16_t best = 0;

	for (uint32_t n = 0; n < s->fdp->nr_placements; n++) {
		filled = placing_filled(s, super, p[n].id);
		if (filled < least) {
			least = filled;
			best = p[n].id;
		}
	}
	return best;
}

void placing_assign(struct weir_store *s, struct super *super)
{
	struct disk_stream *stream;

	for (uint32_t n = 0; s->fdp && n < super->streams; n++) {
		stream = &super->stream[n];
		if (placing_known(s, stream))
			continue;
		stream->flags &= ~htole32(DISK_STREAM_PLACED);
		stream->placement = htole32(placing_choose(s, super));
		stream->flags |= htole32(DISK_STREAM_PLACED);
	}
}

void placing_apply(struct weir_store *s, const struct super *super)
{
	struct log *l;
	uint32_t i;

	LOGS_FOREACH(s, l, i)
	{
		l->placing.placed = s->fdp && placing_known(s, &super->stream[i]);
		l->placing.id =
			l->placing.placed ? (uint16_t)le32toh(super->stream[i].placement) : 0;
	}
}

uint32_t placing_sharing(const struct log *l)
{
	const struct weir_store *s = l->s;
	const struct log *other;
	uint32_t i, n = 0;

	LOGS_FOREACH(s, other, i)
	n += other != l && l->placing.placed && other->placing.placed &&
	     other->placing.id == l->placing.id;
	return n;
}

/* Is a segment as long as some whole units? Shorter ones share a unit, in their order. */
static bool placing_whole_units(const struct weir_store *s)
{
	return s->fdp->unit_bytes && !(s->lay->segment_bytes % s->fdp->unit_bytes);
}

/* Has L writes of batches under way? */
static bool placing_writes(const struct log *l)
{
	const struct batch *b;

	STAILQ_FOREACH(b, &l->batches, link)
		if (!b->ended)
			return true;
	return false;
}

static void placing_updated(struct sio *sio, int result)
{
	struct placing *p = container_of(sio, struct placing, sio);

	/* A hint: without it the segment begins in what is left of the last unit. */
	(void)result;
	p->busy = false;
	p->fresh = true;
	log_kick(p->log);
}

bool placing_ready(struct log *l)
{
	struct placing *p = &l->placing;

	if (!p->placed || !placing_whole_units(l->s) || placing_sharing(l))
		return true;
	if (p->fresh) {
		p->fresh = false;
		return true;
	}
	/* What is under way still belongs to the old unit. */
	if (!p->busy && !placing_writes(l)) {
		p->busy = true;
		weir_io_placement_update(&p->sio.io, p->id);
		sio_submit(l->s, &p->sio, placing_updated);
	}
	return false;
}
