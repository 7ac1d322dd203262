/* SPDX-License-Identifier: Apache-2.0 */
/*
 * owner.h - who owns a lane, for its worker.
 */
#ifndef OWNER_H
#define OWNER_H

#include "queue/lane/lane.h"

/* The calling thread is a worker of Q: it does not become the owner of lanes of other queues, for
 * which it has no time. */
void owner_set_worker(const struct weir_queue *q);

#endif
