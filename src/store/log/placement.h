/* SPDX-License-Identifier: Apache-2.0 */
/*
 * placement.h - where a log lies on a drive with FDP.
 */
#ifndef STORE_LOG_PLACEMENT_H
#define STORE_LOG_PLACEMENT_H

#include <stdbool.h>
#include <stdint.h>

#include "store/io/io.h"

struct log;

struct log_placement {
	struct sio sio; /* the command that makes the drive begin a new reclaim unit */
	bool placed;
	bool busy;
	bool fresh; /* a new unit was begun, and nothing is in it yet */
	uint16_t id;
};

/* Returns how many other streams have the same id as L. */
uint32_t log_placement_sharing(const struct log *l);
/* Returns true if a batch may begin the next segment of L. If not, L asks for a round when it
 * may. */
bool log_placement_ready(struct log *l);

#endif
