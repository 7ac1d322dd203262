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
 * It runs on the opening thread, before the loop knows the store, and owns the list of segments
 * that it found.
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

/* Forgets what was read, because a segment is out of use since then: OUT were before. */
static int recover_forget(struct recover *r, uint32_t out)
{
	/* Each time at least one more segment is out of use. */
	CHECK(r->super.out_count > out);
	conflict_free(&r->conflict);
	strike_free(r);
	return logs_forget(r->ls);
}

/* Law reads-first (recover_read): a recovery writes nothing before it has read everything that it
 * needs. */
static int recover_steps(struct recover *r)
{
	uint32_t out;
	int err;

	do {
		out = r->super.out_count;
		err = recover_read(r);
		for (size_t n = 0; n < RECOVER_COUNT(recover_writes) && !err && !r->again; n++)
			err = recover_writes[n](r);
		if (!err && r->again)
			err = recover_forget(r, out);
	} while (!err && r->again);
	conflict_free(&r->conflict);
	strike_free(r);
	return err;
}

int recover_run(struct store_io *io, struct logs *ls, const struct superio_found *supers,
		bool salvage, struct recover_counts *counts)
{
	struct recover r = { .io = io,
			     .ls = ls,
			     .counts = counts,
			     .salvage = salvage,
			     .supers = *supers,
			     .super = io->super };
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
