/* SPDX-License-Identifier: Apache-2.0 */
/*
 * recover.c - recovery: reads the device and makes the store in memory.
 *
 * The steps are: flush; superblocks and segment headers; footers; the walk of segments that have no
 * footer; the payloads that no flush covered; the index, in log order; new epoch; footers in which
 * a record is struck; new footers for the walked segments. All reads come before the first write.
 * So a recovery whose reads fail has changed nothing, and one that is interrupted and run again
 * finds what this one found.
 *
 * It runs before the loop knows the store, and owns the list of segments that it found.
 */
#include <errno.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/error.h"
#include "store/recover/recovery.h"

/*
 * The data may still be in the drive's cache. Without a flush the next crash could lose it after
 * the store has built on it.
 *
 * Law flush-first: a recovery flushes before it reads, because what it reads may still be volatile.
 */
static int recover_flush(struct recover *r)
{
	return r->io->read_only ? 0 : syncio_flush(r->io->q);
}

static int recover_check_sequence(struct recover *r)
{
	return r->sequence == UINT64_MAX ? headers_forged(r, "sequence number") : 0;
}

/* Everything is read before anything is written. */
static int (*const recover_reads[])(struct recover *r) = {
	recover_flush, headers_read,  headers_check_streams,
	footers_find,  footers_apply, recover_check_sequence,
};
static int (*const recover_writes[])(struct recover *r) = {
	headers_begin_epoch,
	strike_footers,
	finish_segments,
};

#define RECOVER_COUNT(steps) (sizeof(steps) / sizeof(*(steps)))

/* Reads everything once. Sets r->again if a segment was put out of use meanwhile. */
static int recover_read(struct recover *r)
{
	int err = 0;

	r->again = false;
	r->count = r->from = r->headers = 0;
	r->epoch = 0;
	r->sequence = r->io->super.sequence_floor;
	r->super.streams = r->io->super.streams;
	*r->counts = (struct recover_counts){ 0 };
	for (size_t n = 0; n < RECOVER_COUNT(recover_reads) && !err && !r->again; n++)
		err = recover_reads[n](r);
	return err;
}

/* Forgets what was read, because a segment is out of use since then. */
static int recover_forget(struct recover *r)
{
	conflict_free(&r->conflict);
	strike_free(r);
	return logs_forget(r->ls);
}

/* Reads everything, and begins again as often as a segment was put out of use. */
static int recover_read_all(struct recover *r)
{
	int err;

	do {
		uint32_t given_up = r->given_up;

		err = recover_read(r);
		/* Each time at least one more segment is given up. */
		CHECK(!r->again || r->given_up > given_up);
		if (!err && r->again)
			err = recover_forget(r);
	} while (!err && r->again);
	return err;
}

/* Law reads-first (recover_read): a recovery writes nothing before it has read everything that it
 * needs. */
static int recover_write_all(struct recover *r)
{
	int err = 0;

	for (;;) {
		for (size_t n = 0; n < RECOVER_COUNT(recover_writes) && !err && !r->again; n++)
			err = recover_writes[n](r);
		if (err || !r->again)
			return err;
		err = recover_forget(r);
		if (!err)
			err = recover_read_all(r);
	}
}

/* Sets the words for a recovery of DEV that failed with ERR. */
static int recover_failed(const struct weir_device *dev, int err)
{
	if (err == -ENOMEM)
		return error_sys(err, "%s: recovery failed", weir_device_path(dev));
	/* Any other error has words of its own, and they say which io failed. */
	return error_set(err, "%s (during recovery)", weir_error());
}

void recover_drop(struct recover *r)
{
	if (!r)
		return;
	conflict_free(&r->conflict);
	strike_free(r);
	free(r->found);
	free(r);
}

static struct recover *recover_new(struct store_io *io, struct logs *ls,
				   const struct superio_found *supers, bool salvage,
				   struct recover_counts *counts)
{
	struct recover *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	*r = (struct recover){ .io = io,
			       .ls = ls,
			       .counts = counts,
			       .salvage = salvage,
			       .supers = *supers,
			       .super = io->super,
			       .began = clock_now() };
	r->found = calloc(io->lay->segments, sizeof(*r->found));
	if (r->found)
		return r;
	free(r);
	return NULL;
}

int recover_begin(struct recover **result, struct store_io *io, struct logs *ls,
		  const struct superio_found *supers, bool salvage, struct recover_counts *counts)
{
	struct recover *r = recover_new(io, ls, supers, salvage, counts);
	int err;

	*result = NULL;
	if (!r)
		return error_sys(-ENOMEM, "%s: recovery failed", weir_device_path(io->dev));
	err = recover_read_all(r);
	if (err) {
		recover_failed(io->dev, err);
		recover_drop(r);
		return err;
	}
	*result = r;
	return 0;
}

uint64_t recover_epoch(const struct recover *r)
{
	return r->epoch > r->super.epoch ? r->epoch : r->super.epoch;
}

void recover_set_epoch_floor(struct recover *r, uint64_t epoch)
{
	r->epoch_floor = epoch;
}

int recover_finish(struct recover *r)
{
	struct recover_counts *counts = r->counts;
	struct log_counts logs;
	const struct weir_device *dev = r->io->dev;
	int err = recover_write_all(r);

	if (err) {
		recover_failed(dev, err);
		recover_drop(r);
		return err;
	}
	logs_recovered(r->ls, r->sequence + 1);
	log_placement_apply(r->ls);
	logs_count(r->ls, &logs);
	counts->entries = logs.entries;
	counts->ns = clock_now() - r->began;
	recover_drop(r);
	return 0;
}
