/* SPDX-License-Identifier: Apache-2.0 */
/*
 * flush_steps.c - flushes, and ios that need one before or after their data.
 *
 * An io may need up to three steps: a flush before (WEIR_IO_PREFLUSH), its data, a flush after
 * (WEIR_IO_FUA on an engine that cannot pass it on). Ios that wait for a flush gather in a list;
 * one flush serves all that are on it when it starts. It starts when
 *   - no other flush is in flight (what comes meanwhile shares the next one), and
 *   - no data of an io with flush steps is under way, since that io may want to share it too,
 *   - unless the first on the list has waited for 5 s.
 * If the device has no volatile cache, a flush does nothing and no step is needed.
 *
 * Owns lane->flush. The lane's owner.
 */
#include "queue/lane/flush_steps.h"

#include "base/check.h"
#include "queue/lane/admit.h"
#include "queue/lane/dispatch.h"
#include "queue/lane/ended.h"
#include "queue/lane/queue.h"

/* A flush waits so long for data that might share it; blk-mq has the same figure. */
#define FLUSH_PATIENCE_NS (5 * NSEC_PER_SEC)

static void flush_steps_wait(struct lane *lane, struct weir_io *io)
{
	if (!lane->flush.ios.first)
		lane->flush.since_ns = lane->now;
	io_list_add(&lane->flush.ios, io);
}

/* Returns true if IO needs a flush after its data. FUA means nothing for what is not a write,
 * and needs no flush where the engine passes it on. */
static bool flush_steps_wants_post(const struct lane *lane, const struct weir_io *io)
{
	if (io->op != WEIR_OP_WRITE && io->op != WEIR_OP_WRITE_ZEROES)
		return false;
	return (io->flags & WEIR_IO_FUA) && lane->q->cached && !lane->q->passes_fua;
}

/* Takes in a flush that the program submitted. */
static void flush_steps_accept_flush(struct lane *lane, struct weir_io *io)
{
	if (!lane->q->cached) {
		ended_io(lane, io);
	} else if ((io->flags & WEIR_IO_NOWAIT) && !lane->flush.in_flight &&
		   !tags_are_free(lane, 1)) {
		ended_again(lane, io);
	} else {
		flush_steps_wait(lane, io);
	}
}

bool flush_steps_accept(struct lane *lane, struct weir_io *io)
{
	if (io->op == WEIR_OP_FLUSH) {
		flush_steps_accept_flush(lane, io);
		return true;
	}
	if (!(io->flags & (WEIR_IO_PREFLUSH | WEIR_IO_FUA)))
		return false;
	CHECK(io_priv(io)->step != STEP_DATA); /* its data is under way already */
	if (io_priv(io)->step == STEP_NONE) {
		if ((io->flags & WEIR_IO_PREFLUSH) && lane->q->cached)
			io_priv(io)->step = STEP_PRE;
		else if (flush_steps_wants_post(lane, io))
			io_priv(io)->step = STEP_READY;
	}
	if (io_priv(io)->step == STEP_PRE || io_priv(io)->step == STEP_POST) {
		flush_steps_wait(lane, io);
		return true;
	}
	if (io_priv(io)->step == STEP_READY) {
		io_priv(io)->step = STEP_DATA;
		lane->flush.nr_data++;
	}
	return false;
}

bool flush_steps_data_ended(struct lane *lane, struct weir_io *io)
{
	if (io_priv(io)->step == STEP_DATA) {
		CHECK(lane->flush.nr_data);
		lane->flush.nr_data--;
	}
	if (io->result || io_priv(io)->step != STEP_DATA || !flush_steps_wants_post(lane, io))
		return true;
	io_priv(io)->step = STEP_POST;
	flush_steps_wait(lane, io);
	return false;
}

void flush_steps_flush_ended(struct lane *lane, struct weir_io *io, int result, uint16_t status)
{
	CHECK(io_priv(io)->step != STEP_READY);
	CHECK(io_priv(io)->step != STEP_DATA);
	if (result) {
		io->result = result;
		io->status = status;
		io_priv(io)->failed_offset = io->offset;
	} else if (io_priv(io)->step == STEP_PRE) {
		io_priv(io)->step = STEP_READY;
		io_list_add(&lane->flush.ready, io);
		return;
	}
	ended_io(lane, io);
}

/* Makes RQ one flush for all ios on the list. */
static void flush_steps_start(struct lane *lane, struct request *rq)
{
	struct io_list *list = &lane->flush.ios;
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
	CHECK(!lane->flush.in_flight);
	CHECK(rq->nr_ios);
	lane->flush.in_flight = true;
	dispatch_add(lane, rq);
}

/* Returns true if only data that is under way holds the next flush back. */
static bool flush_steps_awaits_data(const struct lane *lane)
{
	return lane->flush.ios.first && !lane->flush.in_flight && lane->flush.nr_data;
}

static uint64_t flush_steps_patience_ends(const struct lane *lane)
{
	return lane->flush.since_ns + FLUSH_PATIENCE_NS;
}

void flush_steps_kick(struct lane *lane)
{
	if (lane->flush.in_flight || !lane->flush.ios.first)
		return;
	if (flush_steps_awaits_data(lane) && lane->now < flush_steps_patience_ends(lane))
		return;
	/* A flush takes its tag before all ios that wait for one: only one flush is ever in
	 * flight. */
	if (tags_are_free(lane, 1))
		flush_steps_start(lane, admit_uncounted(lane));
}

uint64_t flush_steps_next_event(const struct lane *lane)
{
	/* Time changes nothing while no tag is free or the scheduler is being switched: a
	 * completion does. */
	if (lane->change.draining || !flush_steps_awaits_data(lane) || !tags_are_free(lane, 1))
		return UINT64_MAX;
	return flush_steps_patience_ends(lane);
}

void flush_steps_drain(struct lane *lane, struct io_list *list)
{
	CHECK(!lane->flush.in_flight);
	io_list_append(list, &lane->flush.ready);
	io_list_append(list, &lane->flush.ios);
	lane->flush.nr_data = 0;
}
