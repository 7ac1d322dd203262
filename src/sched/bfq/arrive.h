/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arrive.h - a request comes.
 */
#ifndef BFQ_ARRIVE_H
#define BFQ_ARRIVE_H

#include "sched/bfq/bfq.h"

/* Adds RQ to its queue, which may become busy and take the drive. */
void bfq_arrive(struct bfq *d, struct sched_rq *rq);

#endif
