/* SPDX-License-Identifier: Apache-2.0 */
/*
 * part.c - the end of a command is the end of a part of one io or of several. Owns nothing; the
 * lane's owner.
 */
#include "queue/lane/part.h"

#include <errno.h>

#include "base/check.h"
#include "queue/lane/ended.h"
#include "queue/lane/flush_steps.h"
#include "queue/lane/queue.h"
#include "queue/lane/split.h"

void part_all_ended(struct lane *lane, struct weir_io *io)
{
	if (!io_priv(io)->step || flush_steps_data_ended(lane, io))
		ended_io(lane, io);
}

/* Makes -EIO of the kernel's words for what a drive could not do: its word for a medium error,
 * ENODATA, tells everybody else that something is not there. */
static int part_result(int result)
{
	return result == -ENODATA || result == -EILSEQ || result == -EREMOTEIO ? -EIO : result;
}

/* Notes in IO that the ring is gone: nobody knows what became of CMD. */
static void part_note_lost(struct weir_io *io, const struct weir_cmd *cmd)
{
	if (!cmd->ring_lost)
		return;
	io->ring_lost = 1;
	io->cause = cmd->ring_lost;
}

void part_ended(struct lane *lane, struct weir_io *io, struct request *rq, int result,
		uint16_t status)
{
	if (rq->cmd.op == WEIR_OP_FLUSH) {
		part_note_lost(io, &rq->cmd);
		flush_steps_flush_ended(lane, io, part_result(result), status);
		return;
	}
	if (rq->bounce)
		split_unbounce(rq, io);
	if (result && !io->result) {
		io->result = part_result(result);
		io->status = status;
		io->cause = io->result == result ? 0 : (uint16_t)-result;
		part_note_lost(io, &rq->cmd);
		io_priv(io)->failed_offset = rq->nr_ios > 1 ? io->offset : rq->cmd.offset;
		/* The rest of the io would only fail too, so it is not begun. */
		io_priv(io)->cursor = io->length;
	}
	CHECK(io_priv(io)->parts);
	if (!--io_priv(io)->parts)
		part_all_ended(lane, io);
}
