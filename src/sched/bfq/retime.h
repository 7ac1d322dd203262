/* SPDX-License-Identifier: Apache-2.0 */
/*
 * retime.h - a tunable has another value.
 */
#ifndef BFQ_RETIME_H
#define BFQ_RETIME_H

#include "sched/bfq/bfq.h"

/* Applies the new value of TUNABLE to queues that wait, are served, or are idled for. */
void bfq_retime(struct bfq *d, enum bfq_tunable tunable);

#endif
