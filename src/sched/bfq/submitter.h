/* SPDX-License-Identifier: Apache-2.0 */
/*
 * submitter.h - a submitter leaves, or gets a weight of its own.
 */
#ifndef BFQ_SUBMITTER_H
#define BFQ_SUBMITTER_H

#include "sched/bfq/bfq.h"

void bfq_submitter_leaves(struct bfq *d, uint32_t submitter);
/* Gives SUBMITTER a weight. Returns 0, or -ENOSPC if too many submitters have one. */
int bfq_submitter_weigh(struct bfq *d, uint32_t submitter, uint32_t weight);

#endif
