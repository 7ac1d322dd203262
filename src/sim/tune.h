/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tune.h - reaches the scheduler inside a queue, before anything is submitted. The owner's thread.
 */
#ifndef SIM_TUNE_H
#define SIM_TUNE_H

#include <weir/queue.h>

#include "sim/run.h"

/* Sets tunable NAME of Q's scheduler to VALUE. 0 or -EINVAL, weir_error() set. */
int tune_set(struct weir_queue *q, const char *name, const char *value);

/* Gives SUBMITTER its WEIGHT. 0, -EOPNOTSUPP (the scheduler has none) or -ENOSPC. */
int tune_set_weight(struct weir_queue *q, uint32_t submitter, uint32_t weight);

/* Fills in the tunables of RESULT. */
void tune_get(struct weir_queue *q, struct sim_result *result);

#endif
