/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plug.h - ios that the owner has submitted and the loop has not yet taken. The lane's owner.
 */
#ifndef PLUG_H
#define PLUG_H

#include "queue/lane/state.h"

void plug_add(struct lane *lane, struct weir_io *io);
/* True if the loop should take the plug now, and not wait until it is polled. */
bool plug_is_full(const struct lane *lane);
/* Moves the plug behind INTO. */
void plug_take(struct lane *lane, struct io_list *into);

#endif
