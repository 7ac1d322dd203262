/* SPDX-License-Identifier: Apache-2.0 */
/*
 * raise.h - more weight for queues that have just begun.
 */
#ifndef BFQ_RAISE_H
#define BFQ_RAISE_H

#include "sched/bfq/bfq.h"

/* Raises Q, which becomes busy, if it has just begun. Ends its raise if the time is over. */
void bfq_raise_activation(struct bfq *d, struct bfq_queue *q);
/* Counts SECTORS that were served for Q; after enough of them its raise ends. */
void bfq_raise_served(struct bfq *d, struct bfq_queue *q, uint64_t sectors);
/* Ends the raise of all queues. */
void bfq_raise_end_all(struct bfq *d);

#endif
