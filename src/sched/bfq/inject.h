/* SPDX-License-Identifier: Apache-2.0 */
/*
 * inject.h - requests of other queues while the drive is kept free for one.
 */
#ifndef BFQ_INJECT_H
#define BFQ_INJECT_H

#include "sched/bfq/bfq.h"

/*
 * Returns a queue from which one request may be taken while Q, in service, has none; or NULL.
 * ASYNC is the busy background queue of Q's submitter, or NULL.
 */
struct bfq_queue *bfq_inject_choose(struct bfq *d, struct bfq_queue *q, struct bfq_queue *async);
/* Starts the measurement: Q, in service, was empty and gets a request. */
void bfq_inject_arrival(struct bfq *d, struct bfq_queue *q);
/* Learns from the measured time: a request of Q has completed. */
void bfq_inject_completion(struct bfq *d, struct bfq_queue *q);
void bfq_inject_reset(const struct bfq *d, struct bfq_queue *q);

#endif
