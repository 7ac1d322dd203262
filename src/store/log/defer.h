/* SPDX-License-Identifier: Apache-2.0 */
/*
 * defer.h - what a log needs a flush for, and may wait with until another reason makes one due.
 *
 * Where values are long, a segment holds few of them, and a drive stands still for each flush. A
 * log that writes is flushed for every FLUSH_EVERY_BYTES in any case (law tail-flush). So while
 * batches are under way, closed segments wait with their footers, and begun ones with their first
 * batch, for that flush.
 */
#ifndef STORE_LOG_DEFER_H
#define STORE_LOG_DEFER_H

#include <stdbool.h>

struct log;

/* Returns true if the oldest closed segment of L may wait with its footer. */
bool defer_seal(const struct log *l);
/* Returns true if a segment of L whose header is written may wait to be begun. */
bool defer_begin(const struct log *l);

#endif
