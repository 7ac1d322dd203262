/* SPDX-License-Identifier: Apache-2.0 */
/*
 * order.h - the requests of one queue.
 */
#ifndef BFQ_ORDER_H
#define BFQ_ORDER_H

#include "sched/bfq/bfq.h"

void bfq_order_init(struct bfq_queue *q);
void bfq_order_add(struct bfq *d, struct bfq_queue *q, struct sched_rq *rq);
/* Removes RQ: it is dispatched (DISPATCHED), or was merged into another request. */
void bfq_order_remove(struct bfq *d, struct bfq_queue *q, struct sched_rq *rq, bool dispatched);
/* Moves RQ to its new place: its first sector has changed. */
void bfq_order_moved(struct bfq *d, struct bfq_queue *q, struct sched_rq *rq);
struct sched_rq *bfq_order_before(struct bfq_queue *q, struct sched_rq *rq);
struct sched_rq *bfq_order_after(struct bfq_queue *q, struct sched_rq *rq);
/* Returns the first request at or behind SECTOR, or NULL. */
struct sched_rq *bfq_order_from(struct bfq_queue *q, uint64_t sector);
/* Returns the better of two requests, which may be NULL, for a head that is at sector FROM. */
struct sched_rq *bfq_order_choose(const struct bfq *d, struct sched_rq *a, struct sched_rq *b,
				  uint64_t from);

#endif
