/* SPDX-License-Identifier: Apache-2.0 */
/*
 * complete.h - from commands to ended ios. The lane's owner.
 */
#ifndef COMPLETE_H
#define COMPLETE_H

#include "queue/lane/state.h"

/* As engine_params.complete, for the lane OWNER. */
void complete_cmd(void *owner, struct weir_cmd *cmd);

#endif
