/* SPDX-License-Identifier: Apache-2.0 */
/* rate.h - the measured rate of the drive. */
#ifndef BFQ_RATE_H
#define BFQ_RATE_H

#include "sched/bfq/bfq.h"

#define BFQ_RATE_SHIFT 16

void bfq_rate_init(struct bfq *d);
/* Counts RQ, which is dispatched, in the sample. */
void bfq_rate_dispatch(struct bfq *d, const struct sched_rq *rq);
/* Records that a request has completed. */
void bfq_rate_completion(struct bfq *d);
/* On a disk, before bfq_rate_completion(): RQ has completed. Returns true if the rate has risen. */
bool bfq_rate_run(struct bfq *d, const struct sched_rq *rq);
/* Returns how long a queue stays raised. */
uint64_t bfq_rate_raise_ns(const struct bfq *d);

#endif
