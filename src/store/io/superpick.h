/* SPDX-License-Identifier: Apache-2.0 */
/*
 * superpick.h - chooses between two superblock copies that belong to two stores.
 */
#ifndef STORE_IO_SUPERPICK_H
#define STORE_IO_SUPERPICK_H

#include <weir/queue.h>

#include "store/format/super.h"

/* Returns 0 if the segments on the device of Q belong to the store of FIRST, 1 if they belong to
 * that of SECOND, -EBADMSG if that cannot be told, or the error of a read; sets weir_error(). */
int superpick_run(struct weir_queue *q, const struct super *first, const struct super *second);

/* Refuses the device PATH, on which no header belongs to the store of the superblock. Formatting
 * wrote them all, so it is more likely that the superblock came from elsewhere. To go on, or to
 * repair it, would free every segment. Returns -EBADMSG and sets weir_error(). */
int superpick_foreign(const char *path);

#endif
