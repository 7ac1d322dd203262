/* SPDX-License-Identifier: Apache-2.0 */
/*
 * part.h - what the end of one command means for an io. The lane's owner.
 */
#ifndef PART_H
#define PART_H

#include "queue/lane/state.h"

/* The part of IO that RQ carries has ended. */
void part_ended(struct lane *lane, struct weir_io *io, struct request *rq, int result,
		uint16_t status);
/* Every part of IO has ended. */
void part_all_ended(struct lane *lane, struct weir_io *io);

#endif
