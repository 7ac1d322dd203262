/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wake.h - how the owner of a lane sees that something is staged.
 */
#ifndef WAKE_H
#define WAKE_H

#include "queue/lane/state.h"

/* True if something was staged; it counts as seen then. The owner, before it looks. */
bool wake_take_staged(struct lane *lane);

#endif
