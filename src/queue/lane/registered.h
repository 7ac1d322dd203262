/* SPDX-License-Identifier: Apache-2.0 */
/*
 * registered.h - memory that the engine of a lane has registered. The lane's owner.
 */
#ifndef REGISTERED_H
#define REGISTERED_H

#include "queue/lane/lane.h"

/* As registered_settle(), if the queue's table has changed since. */
void registered_check(struct lane *lane);
/* The lane has no engine any more. */
void registered_leave(struct lane *lane);
/* The number of the buffer that holds LENGTH bytes at BASE, or -1. */
int16_t registered_find(const struct lane *lane, const void *base, size_t length);
/* For LENGTH bytes at BASE that no one buffer holds: returns how many of them the first of
 * several buffers holds that hold them all, side by side; LENGTH: there are none such. */
size_t registered_border(const struct lane *lane, const void *base, size_t length);

#endif
