/* SPDX-License-Identifier: Apache-2.0 */
/*
 * select.h - the next request to dispatch.
 */
#ifndef BFQ_SELECT_H
#define BFQ_SELECT_H

#include "sched/bfq/bfq.h"

/* Removes the next request and returns it, or NULL if there is none now. */
struct sched_rq *bfq_select(struct bfq *d);

#endif
