/* SPDX-License-Identifier: Apache-2.0 */
/*
 * flush_steps.h - flushes, and the steps of an io that needs one before or after its data. The
 * lane's owner.
 */
#ifndef FLUSH_STEPS_H
#define FLUSH_STEPS_H

#include "base/check.h"
#include "queue/lane/state.h"

/* Takes IO in if it needs a flush now; false: its data may go. */
bool flush_steps_accept(struct lane *lane, struct weir_io *io);
/* The data of IO has ended; false if IO waits for a flush now. */
bool flush_steps_data_ended(struct lane *lane, struct weir_io *io);
/* A flush that IO waited for has ended. */
void flush_steps_flush_ended(struct lane *lane, struct weir_io *io, int result, uint16_t status);
/* The next io whose flush before the data has ended, or NULL. */
static inline struct weir_io *flush_steps_next_ready(struct lane *lane)
{
	return io_list_pop(&lane->flush.ready);
}

/* Starts a flush if it is time for one. */
void flush_steps_kick(struct lane *lane);
/* The flush that was in flight has left the engine. */
static inline void flush_steps_landed(struct lane *lane)
{
	CHECK(lane->flush.in_flight);
	lane->flush.in_flight = false;
}

/* When flush_steps_kick() is to be called though nothing happens; UINT64_MAX: never. */
uint64_t flush_steps_next_event(const struct lane *lane);
/* Moves all ios to LIST, and forgets them. No request is left. */
void flush_steps_drain(struct lane *lane, struct io_list *list);

#endif
