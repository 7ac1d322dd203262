/* SPDX-License-Identifier: Apache-2.0 */
/*
 * retry.c - the ios of a merged command that failed go once more, each by itself.
 *
 * One bad block fails the whole command, and the result says nothing of the other blocks. The
 * request keeps its tag and carries one io after the other, none of them merged, before the
 * requests that the scheduler holds; for the scheduler the request ended with its first command. So
 * a failed command of N ios costs at most N commands more, and no tag. Owns nothing; the lane's
 * owner.
 */
#include "queue/lane/retry.h"

#include <errno.h>

#include "base/check.h"
#include "queue/lane/dispatch.h"
#include "queue/lane/part.h"
#include "queue/lane/queue.h"
#include "queue/lane/split.h"

/* The status code type of errors on the path to the drive: lost, aborted or waiting for it. */
#define STATUS_TYPE_PATH 3u

/* Returns true if some of the ios may succeed by themselves. A command that was cancelled is not
 * retried: nobody knows what it did, and each io might take as long again. Nor is one whose
 * drive or ring is gone. */
static bool retry_is_local(int result, uint16_t status)
{
	switch (result) {
	case -EIO:
		return (status >> 8 & 7) != STATUS_TYPE_PATH;
	case -ENODATA:
	case -EILSEQ:
	case -EREMOTEIO:
	case -ENOSPC:
		return true;
	default:
		return false;
	}
}

bool retry_begin(struct lane *lane, struct request *rq)
{
	if (!lane->q->opts.retry_merged || rq->nr_ios < 2 || rq->cmd.ring_lost ||
	    !retry_is_local(rq->cmd.result, rq->cmd.status))
		return false;
	CHECK(rq->state == REQUEST_TAKEN);
	CHECK(!rq->nr_retry);
	hist_add(&lane->stats->retried_merges, 1);
	rq->retry = rq->first;
	rq->nr_retry = rq->nr_ios;
	rq->retry_result = rq->cmd.result;
	rq->retry_status = rq->cmd.status;
	rq->scheduled = false;
	return true;
}

/* Makes RQ carry IO and nothing else; false if IO needs more than one command by now. */
static bool retry_alone(struct lane *lane, struct request *rq, struct weir_io *io)
{
	io_priv(io)->cursor = 0;
	io_priv(io)->iov_index = 0;
	io_priv(io)->iov_skip = 0;
	rq->first = rq->last = io;
	rq->nr_ios = 1;
	if (!split_next(lane, io, rq) && io_priv(io)->cursor == io->length) {
		rq->rq.flags |= SCHED_RQ_STARTED; /* the drive has seen it: no more cancelling */
		return true;
	}
	split_drop(rq);
	rq->cmd.buf_index = -1;
	rq->cmd.offset = io->offset;
	return false;
}

bool retry_next(struct lane *lane, struct request *rq)
{
	while (rq->nr_retry) {
		struct weir_io *io = rq->retry;

		CHECK(io); /* the list has as many as were counted */
		rq->retry = io_priv(io)->next;
		rq->nr_retry--;
		if (retry_alone(lane, rq, io)) {
			dispatch_add(lane, rq);
			return true;
		}
		part_ended(lane, io, rq, rq->retry_result, rq->retry_status);
	}
	return false;
}
