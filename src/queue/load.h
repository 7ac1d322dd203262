/* SPDX-License-Identifier: Apache-2.0 */
/*
 * load.h - what the lanes of a queue have done, as text, for whoever compares two moments. Owns
 * nothing; any thread, at any time.
 */
#ifndef QUEUE_LOAD_H
#define QUEUE_LOAD_H

#include <stdint.h>
#include <stdio.h>

#include <weir/queue.h>

#include "base/hist.h"

/* Writes the lines of each lane of Q, which is device number DEVICE, to OUT: see docs/control.md.
 */
void load_write(const struct weir_queue *q, uint32_t device, FILE *out);

/* Writes the sum, the maximum and the buckets of H that are not empty, and a newline. */
void load_write_hist(const struct hist *h, FILE *out);

#endif
