/* SPDX-License-Identifier: Apache-2.0 */
/*
 * memory.h - adds ranges of memory to the queue's table, and removes them. Any thread, under the
 * queue's lock.
 */
#ifndef QUEUE_MEMORY_H
#define QUEUE_MEMORY_H

#include "queue/lane/registry.h"

/* Returns the range of just these bytes that is registered and does not leave, or NULL. */
struct range *memory_range(const struct weir_queue *q, const void *base, size_t length);

/*
 * Puts a range into the table, counts one more user of it, and has lanes try again that failed.
 * 0, -ENOMEM or -ENOSPC with words.
 */
int memory_add(struct weir_queue *q, void *base, size_t length);

/* Counts one user of a range less; without users it leaves. 0, or -ENOENT with words. */
int memory_remove(struct weir_queue *q, void *base, size_t length);

#endif
