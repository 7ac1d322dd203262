/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cancel.h - ios that end before the drive has seen them.
 */
#ifndef LANE_CANCEL_H
#define LANE_CANCEL_H

#include "queue/lane/queue.h"

/* Somebody has asked for IO to be cancelled since it was submitted. Any thread. */
static inline bool cancel_is_wanted(const struct weir_io *io)
{
	return __builtin_expect(__atomic_load_n(&io_priv(io)->cancel, __ATOMIC_RELAXED), 0);
}

/* IO, which a lane takes in (again), is to end: somebody has asked for it, and no command was made
 * of it yet. An io that was held while the scheduler was being switched may have begun, and a flush
 * ends as ever. */
static inline bool cancel_on_the_way_in(const struct weir_io *io)
{
	return cancel_is_wanted(io) && io->op != WEIR_OP_FLUSH && !io_priv(io)->cursor &&
	       io_priv(io)->step <= STEP_READY;
}

/* Ends the ios of the lane that somebody has asked for since it last looked. The lane's owner. */
void cancel_check(struct lane *lane);

#endif
