/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ssd_hiccup.c - hiccups: times in which the firmware of an SSD answers nothing. The flash goes on
 * working; what ends meanwhile is answered when the hiccup is over.
 *
 * The times follow from the seed. They are made as the clock passes them, so that no event keeps
 * the simulation going.
 */
#include "base/container.h"
#include "sim/ssd.h"

/* Moves on to the hiccup that is now, or to the next one. */
static void ssd_hiccup_until(struct ssd *ssd, uint64_t now)
{
	const struct sim_config *c = ssd->m.c;

	while (ssd->hiccup_end <= now) {
		uint64_t from = ssd->hiccup_end ? ssd->hiccup_end : now;

		ssd->hiccup_begin = from + ssd_exponential(ssd, c->ssd.hiccup_every);
		ssd->hiccup_end = ssd->hiccup_begin + c->ssd.hiccup;
	}
}

static void ssd_end(struct event *ev, uint64_t now)
{
	struct sim_cmd *cmd = container_of(ev, struct sim_cmd, ev);
	struct ssd *ssd = (struct ssd *)cmd->m;

	ssd_hiccup_until(ssd, now);
	if (now >= ssd->hiccup_begin)
		events_add(ssd->m.events, ev, ssd->hiccup_end);
	else
		cmd->m->ended(cmd->m->owner, cmd);
}

void ssd_end_at(struct ssd *ssd, struct sim_cmd *cmd, uint64_t due)
{
	model_end_at(cmd, due);
	if (ssd->m.c->ssd.hiccup)
		cmd->ev.fire = ssd_end;
}
