/* SPDX-License-Identifier: Apache-2.0 */
/*
 * recover.c - recovery: reads the device and makes the store in memory.
 *
 * The steps are: flush; superblocks and segment headers; new epoch; footers; the walk of segments
 * that have no footer; the payloads that no flush covered; the index, in log order; new footers for
 * the walked segments. Only the superblocks and those footers are written. So a recovery that is
 * interrupted and run again finds what this one found.
 *
 * It runs on the opening thread, before the loop knows the store, and owns the list of segments
 * that it found.
 */
#include <errno.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/error.h"
#include "store/recover/recovery.h"

static int recover_steps(struct recover *r)
{
	struct store_io *io = r->io;
	/* The data may still be in the drive's cache. Without a flush the next crash could lose it
	 * after the store has built on it. */
	int err = io->read_only ? 0 : syncio_flush(io->q);

	if (!err)
		err = headers_read(r);
	if (!err)
		err = headers_check_streams(r);
	if (!err)
		err = headers_begin_epoch(r);
	if (!err)
		err = footers_find(r);
	if (!err)
		err = footers_apply(r);
	if (!err && r->sequence == UINT64_MAX)
		err = headers_forged(r, "sequence number");
	if (!err)
		err = finish_segments(r);
	return err;
}

int recover_run(struct store_io *io, struct logs *ls, const struct superio_found *supers,
		struct recover_counts *counts)
{
	struct recover r = {
		.io = io, .ls = ls, .counts = counts, .supers = *supers, .super = io->super
	};
	uint64_t begin = clock_now();
	struct log_counts logs;
	int err;

	r.found = calloc(io->lay->segments, sizeof(*r.found));
	if (!r.found)
		return error_sys(-ENOMEM, "%s: recovery failed", weir_device_path(io->dev));
	err = recover_steps(&r);
	free(r.found);
	if (err == -ENOMEM)
		return error_sys(err, "%s: recovery failed", weir_device_path(io->dev));
	/* Any other error has words of its own, and they say which io failed. */
	if (err)
		return error_set(err, "%s (during recovery)", weir_error());
	logs_recovered(ls, r.sequence + 1);
	log_placement_apply(ls);
	logs_count(ls, &logs);
	counts->entries = logs.entries;
	counts->ns = clock_now() - begin;
	return 0;
}
