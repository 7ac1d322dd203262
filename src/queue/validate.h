/* SPDX-License-Identifier: Apache-2.0 */
/*
 * validate.h - what may be submitted.
 */
#ifndef VALIDATE_H
#define VALIDATE_H

#include <weir/queue.h>

/* 0, or -errno with words. Any thread. */
int validate_io(const struct weir_queue *q, const struct weir_io *io);

#endif
