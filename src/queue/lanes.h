/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lanes.h - one thread owns all lanes of a queue, for an engine whose time is not real: there a
 * thread for each would make the order of events a matter of chance. A real drive has that only
 * while its queue is being closed.
 */
#ifndef QUEUE_LANES_H
#define QUEUE_LANES_H

#include <stdint.h>

#include <weir/queue.h>

struct lane;

/* Makes the calling thread the owner of every lane of Q, which has no workers. 0 or -errno. */
int lanes_own(struct weir_queue *q);

/* Makes the calling thread submit as the owner of lane INDEX from now on. */
void lanes_use(struct weir_queue *q, uint32_t index);

/* As weir_queue_poll_wait(), for all lanes in their order. Sleeps in the engine of lane 0, which
 * must know of the events of all. */
int lanes_poll_wait(struct weir_queue *q, uint64_t timeout_ns);

/* Drains all lanes and gives them back, so that Q can be closed. */
void lanes_disown(struct weir_queue *q);

/* For whoever closes Q, when its workers have ended: runs all lanes that have something to do,
 * together, as ios of one may need another, until nothing is left anywhere. The calling thread may
 * own MINE (NULL: no lane), and owns no other lane afterwards. 0, or what the engine said where a
 * lane cannot be attached. */
int lanes_finish(struct weir_queue *q, const struct lane *mine);

#endif
