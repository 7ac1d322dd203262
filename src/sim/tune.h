/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tune.h - what a simulation sets and reports of its scheduler. The owner's thread.
 */
#ifndef SIM_TUNE_H
#define SIM_TUNE_H

#include <weir/queue.h>

#include "sim/run.h"

/* Sets attribute NAME of Q, or a tunable of its scheduler, to VALUE; NOTES get a line if that is
 * out of range, and something else was set. 0 or -errno, weir_error() set with the name that was
 * meant, perhaps. */
int tune_set(struct weir_queue *q, const char *name, const char *value, struct remarks *notes);

/* Fills in the tunables of RESULT. */
void tune_get(struct weir_queue *q, struct sim_result *result);

#endif
