/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sequence.c - flushes, and data that wants one before or after it.
 *
 * An io may need up to three steps: a flush before (WEIR_IO_PREFLUSH), its data, a flush after
 * (WEIR_IO_FUA on an engine that cannot pass it on). Ios that wait for a flush gather in a list;
 * one flush serves all that are on it when it starts. It starts when
 *   - no other flush is in flight (what comes meanwhile shares the next one), and
 *   - no data of such a sequence is under way, since that may want to share it too,
 *   - unless the first on the list has waited for 5 s.
 * Where the device has no volatile cache there is nothing to do and no step is needed.
 *
 * Owns the lane's flushes and ready lists. Owner's thread.
 */
#include <errno.h>

#include "queue/lane/admit.h"

/* After this a flush no longer waits for data that might share it; blk-mq's figure. */
#define FLUSH_PATIENCE_NS (5 * NSEC_PER_SEC)

static void wait_for_flush(struct lane *lane, struct weir_io *io)
{
	if (!lane->flushes.first)
		lane->flush_since_ns = lane->now;
	io_list_add(&lane->flushes, io);
}

/* On what is not a write the flag means nothing, as where the engine passes it on. */
static bool wants_post(const struct lane *lane, const struct weir_io *io)
{
	if (io->op != WEIR_OP_WRITE && io->op != WEIR_OP_WRITE_ZEROES)
		return false;
	return (io->flags & WEIR_IO_FUA) && lane->q->cached && !lane->q->passes_fua;
}

/* A flush on its own. */
static void accept_flush(struct lane *lane, struct weir_io *io)
{
	if (!lane->q->cached) {
		complete_io(lane, io);
	} else if ((io->flags & WEIR_IO_NOWAIT) && !lane->flush_in_flight && !admit_free(lane, 1)) {
		io->result = -EAGAIN;
		complete_io(lane, io);
	} else {
		wait_for_flush(lane, io);
	}
}

bool sequence_accept(struct lane *lane, struct weir_io *io)
{
	if (io->op == WEIR_OP_FLUSH) {
		accept_flush(lane, io);
		return true;
	}
	if (!(io->flags & (WEIR_IO_PREFLUSH | WEIR_IO_FUA)))
		return false;
	if (io_priv(io)->sequence == SEQ_NONE) {
		if ((io->flags & WEIR_IO_PREFLUSH) && lane->q->cached)
			io_priv(io)->sequence = SEQ_PRE;
		else if (wants_post(lane, io))
			io_priv(io)->sequence = SEQ_READY;
	}
	if (io_priv(io)->sequence == SEQ_PRE || io_priv(io)->sequence == SEQ_POST) {
		wait_for_flush(lane, io);
		return true;
	}
	if (io_priv(io)->sequence == SEQ_READY) {
		io_priv(io)->sequence = SEQ_DATA;
		lane->sequenced++;
	}
	return false;
}

bool sequence_data_ended(struct lane *lane, struct weir_io *io)
{
	if (io_priv(io)->sequence == SEQ_DATA)
		lane->sequenced--;
	if (io->result || io_priv(io)->sequence != SEQ_DATA || !wants_post(lane, io))
		return true;
	io_priv(io)->sequence = SEQ_POST;
	wait_for_flush(lane, io);
	return false;
}

void sequence_flush_ended(struct lane *lane, struct weir_io *io, int result, uint16_t status)
{
	if (result) {
		io->result = result;
		io->status = status;
		io_priv(io)->failed_offset = io->offset;
	} else if (io_priv(io)->sequence == SEQ_PRE) {
		io_priv(io)->sequence = SEQ_READY;
		io_list_add(&lane->ready, io);
		return;
	}
	complete_io(lane, io);
}

/* A flush for all on the list; the tag is RQ. */
static void start_flush(struct lane *lane, struct request *rq)
{
	struct io_list *list = &lane->flushes;
	struct weir_io *io = list->first;

	rq->cmd = (struct weir_cmd){ .op = WEIR_OP_FLUSH,
				     .buf_index = -1,
				     .prio = io_priv(io)->prio };
	rq->rq.op = WEIR_OP_FLUSH;
	rq->rq.flags = SCHED_RQ_SYNC | SCHED_RQ_NOMERGE;
	rq->rq.start_ns = lane->now;
	rq->submit_ns = io_priv(io)->start_ns;
	rq->first = io;
	rq->nr_ios = list->count;
	rq->scheduled = false;
	io_list_init(list);
	lane->flush_in_flight = true;
	TAILQ_INSERT_TAIL(&lane->dispatch, rq, link);
}

/* Only data that is under way holds the next flush back. */
static bool waits_for_data(const struct lane *lane)
{
	return lane->flushes.first && !lane->flush_in_flight && lane->sequenced;
}

static uint64_t patience_ends(const struct lane *lane)
{
	return lane->flush_since_ns + FLUSH_PATIENCE_NS;
}

void sequence_kick(struct lane *lane)
{
	if (lane->flush_in_flight || !lane->flushes.first)
		return;
	if (waits_for_data(lane) && lane->now < patience_ends(lane))
		return;
	/* Before all that wait for a tag: only one flush is ever in flight. */
	if (admit_free(lane, 1))
		start_flush(lane, admit_uncounted(lane));
}

uint64_t sequence_next_event(const struct lane *lane)
{
	/* Without a tag, and while the scheduler is being switched, only a completion helps. */
	if (lane->draining || !waits_for_data(lane) || !admit_free(lane, 1))
		return UINT64_MAX;
	return patience_ends(lane);
}
