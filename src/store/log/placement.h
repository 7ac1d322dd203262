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
	struct sio sio; /* has the drive begin a new unit */
	bool placed;
	bool busy;
	bool fresh; /* a unit was begun, and nothing is in it */
	uint16_t id;
};

/* How many other streams have the id of L? */
uint32_t log_placement_sharing(const struct log *l);
/* May the next segment of L begin with a batch? If not, L asks for a look when it may. */
bool log_placement_ready(struct log *l);

#endif
