/* SPDX-License-Identifier: Apache-2.0 */
/*
 * child.h - closing a queue in a child of fork().
 */
#ifndef QUEUE_CHILD_H
#define QUEUE_CHILD_H

#include <stdbool.h>

#include <weir/queue.h>

/*
 * weir_queue_close() in a child of fork(). 0, or -EDEADLK inside a callback of Q that the parent's
 * thread was in. With 0, *SETTLED says that Q is to be freed; else it is kept for ever.
 */
int child_close(struct weir_queue *q, bool *settled);

#endif
