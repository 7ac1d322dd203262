/* SPDX-License-Identifier: Apache-2.0 */
/*
 * placement.c - gives streams the placement ids of a drive with FDP.
 *
 * Each stream has its own id as long as there are enough; then it shares the id that holds the
 * fewest segments. Ids are kept in the superblock, so that a stream keeps its id. If segments are
 * whole reclaim units, the drive is told to begin a new unit when a segment is opened. Then the
 * unit becomes empty as a whole when the segment is reclaimed.
 *
 * Only batches are written with a stream's id. A header is written before its segment's unit is
 * begun, and a footer while the next unit is being filled. With the stream's id they would take the
 * room of the last batches, begin one more unit, and live longer than the data around them. So they
 * go to the default id, with the superblocks. This file owns what the drive said. It runs on the
 * loop's thread, or on the one that opens the store.
 */
#include <errno.h>
#include <stdio.h>

#include <weir/base.h>
#include <weir/fdp.h>

#include "base/check.h"
#include "base/container.h"
#include "base/error.h"
#include "store/log/logs.h"

/* Writes that name no id go to this one. */
#define PLACEMENT_DEFAULT_ID 0u

int log_placement_check_drive(const char *path, const struct weir_fdp *fdp)
{
	if (fdp->enabled && fdp->nr_placements)
		return 0;
	return error_set(-EOPNOTSUPP, "%s: %s, so streams cannot be placed: use %s", path,
			 fdp->supported ? "FDP is not enabled (see weir fdp)"
					: "FDP is for NVMe drives that have it",
			 error_name(ERROR_PLACEMENT_NONE));
}

/* Returns 0 if ids can be named on this device; otherwise sets weir_error(). */
static int placement_possible(const struct logs *ls, const struct weir_fdp *fdp)
{
	const char *path = weir_device_path(ls->io->dev);

	int err = log_placement_check_drive(path, fdp);

	if (err)
		return err;
	if (weir_device_get_info(ls->io->dev)->kind != WEIR_DEVICE_NVME_CHAR)
		return error_set(-EOPNOTSUPP,
				 "%s: streams cannot be placed: only NVMe passthrough names "
				 "placement ids: use the character device (/dev/ng0n1 for "
				 "/dev/nvme0n1), or use %s",
				 path, error_name(ERROR_PLACEMENT_NONE));
	return 0;
}

/*
 * Guesses the size of the drive's units if the process may not ask for it. Format made segments as
 * long as units, so a segment's length is the guess, unless a unit has more room left than that.
 */
static void placement_guess_unit(struct logs *ls)
{
	struct weir_fdp *fdp = ls->fdp;

	if (!fdp->partial || !ls->io->super.placement)
		return;
	for (uint32_t n = 0; n < fdp->nr_placements; n++)
		if (fdp->placements[n].left_bytes > ls->io->lay->segment_bytes)
			return;
	fdp->unit_bytes = ls->io->lay->segment_bytes;
}

int log_placement_open(struct logs *ls, uint32_t wish)
{
	bool asked = wish == WEIR_PLACEMENT_STREAM;
	int err;

	if (wish > WEIR_PLACEMENT_STREAM)
		return error_set(-EINVAL, "no such placement: %u", wish);
	if (!asked && (wish == WEIR_PLACEMENT_NONE || !ls->io->super.placement))
		return 0;
	err = weir_fdp_read(&ls->fdp, ls->io->dev);
	if (!err)
		err = placement_possible(ls, ls->fdp);
	if (!err) {
		placement_guess_unit(ls);
		return 0;
	}
	weir_fdp_free(ls->fdp);
	ls->fdp = NULL;
	/* A store that was formatted with placement works without it on another drive or engine. */
	if (!asked)
		snprintf(ls->placement_why, sizeof(ls->placement_why), "%s", weir_error());
	return asked ? err : 0;
}

static bool placement_is(const struct disk_stream *stream, uint16_t id)
{
	return le32toh(stream->flags) & DISK_STREAM_PLACED && le32toh(stream->placement) == id;
}

/* Returns true if the drive still has the id of STREAM. It may have been formatted since. */
static bool placement_known(const struct logs *ls, const struct disk_stream *stream)
{
	for (uint32_t n = 0; n < ls->fdp->nr_placements; n++)
		if (placement_is(stream, ls->fdp->placements[n].id))
			return true;
	return false;
}

/* Returns the number of segments that the streams of SUPER with ID fill. An empty stream counts as
 * one, and so do headers and footers. */
static uint64_t placement_filled(const struct logs *ls, const struct super *super, uint16_t id)
{
	uint64_t filled = id == PLACEMENT_DEFAULT_ID;

	for (uint32_t n = 0; n < super->streams; n++)
		if (placement_is(&super->stream[n], id))
			filled += 1 + (ls->log[n]->segs.used);
	return filled;
}

/* Returns an id that no stream has, otherwise the one that is filled least, in the drive's
 * order. */
static uint16_t placement_choose(const struct logs *ls, const struct super *super)
{
	const struct weir_fdp_placement *p = ls->fdp->placements;
	uint64_t filled, least = UINT64_MAX;
	uint16_t best = 0;

	for (uint32_t n = 0; n < ls->fdp->nr_placements; n++) {
		filled = placement_filled(ls, super, p[n].id);
		if (filled < least) {
			least = filled;
			best = p[n].id;
		}
	}
	return best;
}

void log_placement_assign(const struct logs *ls, struct super *super)
{
	struct disk_stream *stream;

	for (uint32_t n = 0; ls->fdp && n < super->streams; n++) {
		stream = &super->stream[n];
		if (placement_known(ls, stream))
			continue;
		stream->flags &= ~htole32(DISK_STREAM_PLACED);
		stream->placement = htole32(placement_choose(ls, super));
		stream->flags |= htole32(DISK_STREAM_PLACED);
	}
}

void log_placement_apply(struct logs *ls)
{
	struct log *l;
	uint32_t i;

	LOGS_FOREACH(ls, l, i)
	{
		l->placement.placed = ls->fdp && placement_known(ls, &ls->io->super.stream[i]);
		l->placement.id = l->placement.placed
					  ? (uint16_t)le32toh(ls->io->super.stream[i].placement)
					  : 0;
	}
}

uint32_t log_placement_sharing(const struct log *l)
{
	const struct logs *ls = l->all;
	const struct log *other;
	uint32_t i, n = 0;

	LOGS_FOREACH(ls, other, i)
	n += other != l && l->placement.placed && other->placement.placed &&
	     other->placement.id == l->placement.id;
	return n;
}

/* Returns true if a segment is one or several whole units. Shorter segments share a unit, in their
 * order. */
static bool placement_whole_units(const struct logs *ls)
{
	return ls->fdp->unit_bytes && !(ls->io->lay->segment_bytes % ls->fdp->unit_bytes);
}

static void placement_updated(struct sio *sio, int result)
{
	struct log_placement *p = container_of(sio, struct log_placement, sio);

	/* This is a hint: if it fails, the segment begins in the rest of the last unit. */
	(void)result;
	CHECK(p->busy && !p->fresh);
	p->busy = false;
	p->fresh = true;
	log_ask(container_of(p, struct log, placement));
}

bool log_placement_ready(struct log *l)
{
	struct log_placement *p = &l->placement;

	if (!p->placed || !placement_whole_units(l->all) || log_placement_sharing(l))
		return true;
	if (p->fresh) {
		p->fresh = false;
		return true;
	}
	/* Writes under way still belong to the old unit. */
	if (!p->busy && !batch_writes(l)) {
		p->busy = true;
		weir_io_placement_update(&p->sio.io, p->id);
		sio_submit(l->io, &p->sio, placement_updated);
	}
	return false;
}

bool log_placement_is_on(const struct logs *ls, const char **why)
{
	*why = ls->placement_why[0] ? ls->placement_why : NULL;
	return ls->fdp != NULL;
}
