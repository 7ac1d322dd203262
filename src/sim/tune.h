/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tune.h - sets and reports the tunables of a simulation's scheduler. Called by the owner's
 * thread.
 */
#ifndef SIM_TUNE_H
#define SIM_TUNE_H

#include <weir/queue.h>

#include "sim/run.h"

/*
 * Sets attribute NAME of Q, or a tunable of its scheduler, to VALUE. If VALUE is out of range,
 * another value is set and NOTES gets a line. Returns 0 or -errno with weir_error() set, which may
 * suggest a similar name.
 */
int tune_set(struct weir_queue *q, const char *name, const char *value, struct remarks *notes);

/* Stores the tunables of Q in RESULT. */
void tune_get(struct weir_queue *q, struct sim_result *result);

#endif
