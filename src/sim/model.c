/* SPDX-License-Identifier: Apache-2.0 */
/* model.c - functions that all models use. See model.h. */
#include "base/container.h"
#include "sim/model.h"

static void model_end(struct event *ev, uint64_t now)
{
	struct sim_cmd *cmd = container_of(ev, struct sim_cmd, ev);

	(void)now;
	cmd->m->ended(cmd->m->owner, cmd);
}

void model_end_at(struct sim_cmd *cmd, uint64_t due)
{
	cmd->ev.fire = model_end;
	events_add(cmd->m->events, &cmd->ev, due);
}
