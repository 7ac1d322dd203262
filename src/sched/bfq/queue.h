/* SPDX-License-Identifier: Apache-2.0 */
/* queue.h - the queue of a request, and the pools of queues and groups. */
#ifndef BFQ_QUEUE_H
#define BFQ_QUEUE_H

#include "sched/bfq/bfq.h"

int bfq_queue_init(struct bfq *d);
void bfq_queue_exit(struct bfq *d);
/* Returns the queue of requests like this one, if it exists already, or NULL. */
struct bfq_queue *bfq_queue_find(struct bfq *d, const struct sched_rq *like);
/* Returns the queue of requests like this one; makes it if there is none. */
struct bfq_queue *bfq_queue_get(struct bfq *d, const struct sched_rq *like);
/* Returns the busy background queue of Q's submitter, or NULL. */
struct bfq_queue *bfq_queue_async_of(struct bfq *d, const struct bfq_queue *q);
/* Counts one more request of Q, or one less. */
void bfq_queue_hold(struct bfq *d, struct bfq_queue *q);
void bfq_queue_release(struct bfq *d, struct bfq_queue *q);
/* Makes Q available to other submitters if it has no request. It is no longer busy. */
void bfq_queue_settle(struct bfq *d, struct bfq_queue *q);
/* Returns Q, which has no request, to the pool. */
void bfq_queue_free(struct bfq *d, struct bfq_queue *q);
/*
 * Returns the first queue in the hash table that may be SUBMITTER's. LIST_NEXT(q, hash) is the
 * next one.
 */
struct bfq_queue *bfq_queue_first(struct bfq *d, uint32_t submitter);
/*
 * Returns the weight of the submitter of requests like this one: its own weight, or that of the
 * priority.
 */
uint32_t bfq_queue_weight(struct bfq *d, const struct sched_rq *like);

/* Returns the group of SUBMITTER, or NULL if it has no weight of its own. */
struct bfq_group *bfq_queue_group(struct bfq *d, uint32_t submitter);
/* Makes a group for SUBMITTER. Returns NULL if there are too many. */
struct bfq_group *bfq_queue_new_group(struct bfq *d, uint32_t submitter, uint32_t weight);
/* Returns G to the pool if its submitter is gone and it has no queue. */
void bfq_queue_group_settle(struct bfq *d, struct bfq_group *g);
/* Takes Q, which is not active, out of its group. */
void bfq_queue_leave_group(struct bfq *d, struct bfq_queue *q);

#endif
