/* SPDX-License-Identifier: Apache-2.0 */
/*
 * merge.h - one command from several ios. The lane's owner.
 */
#ifndef LANE_MERGE_H
#define LANE_MERGE_H

#include "queue/lane/state.h"

/* Merges IO into a request that waits, on PLUG or with the scheduler; false: there is none. */
bool merge_io(struct lane *lane, struct weir_io *io, struct sched_list *plug);
/* As sched_env.merge, for the lane OWNER. */
bool merge_requests(void *owner, struct sched_rq *into, struct sched_rq *gone,
		    enum sched_merge how);

#endif
