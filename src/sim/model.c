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

int model_open(struct model **m, const struct sim_config *c, struct events *events, uint64_t seed)
{
	const struct model_ops *ops = c->kind == SIM_HDD ? &model_hdd : &model_ssd;
	int err = ops->open(m, c);

	if (err)
		return err;
	(*m)->ops = ops;
	(*m)->c = c;
	(*m)->events = events;
	prng_seed(&(*m)->prng, seed);
	return 0;
}
