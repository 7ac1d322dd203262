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

/* Ends the ios of the lane that somebody has asked for since it last looked. The lane's owner. */
void cancel_check(struct lane *lane);

#endif
