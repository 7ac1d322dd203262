/* SPDX-License-Identifier: Apache-2.0 */
/* path.h - the trees of weights for queues and groups. */
#ifndef BFQ_PATH_H
#define BFQ_PATH_H

#include "sched/bfq/bfq.h"

void bfq_path_init(struct bfq_group *g);
void bfq_path_activate(struct bfq *d, struct bfq_queue *q, bool backshift);
void bfq_path_rebudget(struct bfq *d, struct bfq_queue *q);
/*
 * Limits the debt between E, the entity of a queue or group, and the others, in both directions,
 * to one service of MAX sectors. Called when budgets become smaller.
 */
void bfq_path_forgive(struct bfq *d, struct bfq_entity *e, uint64_t max);
void bfq_path_requeue(struct bfq *d, struct bfq_queue *q);
void bfq_path_deactivate(struct bfq *d, struct bfq_queue *q);
void bfq_path_serve(struct bfq *d, struct bfq_queue *q, uint64_t sectors);
/* Puts the queue to serve next into service and returns it; NULL if none is busy. */
struct bfq_queue *bfq_path_take(struct bfq *d);
/* Returns the queue that would be next, or NULL. */
struct bfq_queue *bfq_path_peek(struct bfq *d);
/* Returns true if Q, which is active, would be served before CUR, which is in service. */
bool bfq_path_before(const struct bfq *d, const struct bfq_queue *q, const struct bfq_queue *cur);
/* Returns true if Q has a higher class or weight than CUR. */
bool bfq_path_higher(const struct bfq *d, const struct bfq_queue *q, const struct bfq_queue *cur);

#endif
