/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ssd_limit.c - the limit of a rented disk: a bucket of bytes that is filled every so often. While
 * it has something, commands go on to the drive at full speed; then all wait until it is filled.
 *
 * What was filled in follows from the clock. Only while commands wait is there an event, so none
 * keeps the simulation going.
 */
#include "base/container.h"
#include "base/nsec.h"
#include "sim/ssd.h"

/* All bytes that were filled in after so many TIMES. Parts of a byte wait for the next time. */
static unsigned __int128 ssd_limit_total(const struct ssd *ssd, uint64_t times)
{
	const struct sim_config *c = ssd->m.c;
	uint64_t ns = times * c->ssd.limit_every;

	return (unsigned __int128)c->ssd.limit * ns / NSEC_PER_SEC;
}

/* Fills in what is due at NOW. */
static void ssd_limit_fill(struct ssd *ssd, uint64_t now)
{
	const struct sim_config *c = ssd->m.c;
	uint64_t times = now / c->ssd.limit_every;
	int64_t room = (int64_t)c->ssd.limit_burst - ssd->limit_left;
	unsigned __int128 bytes;

	if (times == ssd->limit_filled)
		return;
	bytes = ssd_limit_total(ssd, times) - ssd_limit_total(ssd, ssd->limit_filled);
	ssd->limit_filled = times;
	ssd->limit_left += bytes < (uint64_t)room ? (int64_t)bytes : room;
}

/* Returns true if CMD may go on. It takes its bytes even if there are fewer. */
static bool ssd_limit_take(struct ssd *ssd, const struct sim_cmd *cmd)
{
	if (ssd->limit_left <= 0)
		return false;
	ssd->limit_left -= (int64_t)cmd->cmd->length;
	return true;
}

/* Waits until there is a byte again. What is due earlier is not worth an event: a small limit fills
 * in less than a byte each time. */
static void ssd_limit_await(struct ssd *ssd)
{
	const struct sim_config *c = ssd->m.c;
	unsigned __int128 total = ssd_limit_total(ssd, ssd->limit_filled), ns;

	total += (uint64_t)(1 - ssd->limit_left);
	ns = (total * NSEC_PER_SEC + c->ssd.limit - 1) / c->ssd.limit;
	ns = (ns + c->ssd.limit_every - 1) / c->ssd.limit_every * c->ssd.limit_every;
	events_add(ssd->m.events, &ssd->limit_ev, ns < EVENTS_NEVER ? (uint64_t)ns : EVENTS_NEVER);
}

static void ssd_limit_filled(struct event *ev, uint64_t now)
{
	struct ssd *ssd = container_of(ev, struct ssd, limit_ev);
	struct sim_cmd *cmd;

	ssd_limit_fill(ssd, now);
	while ((cmd = TAILQ_FIRST(&ssd->limited)) && ssd_limit_take(ssd, cmd)) {
		TAILQ_REMOVE(&ssd->limited, cmd, link);
		ssd->let_on(ssd, cmd, now);
	}
	if (cmd)
		ssd_limit_await(ssd);
}

void ssd_limit_open(struct ssd *ssd, const struct sim_config *c)
{
	TAILQ_INIT(&ssd->limited);
	ssd->limit_ev.fire = ssd_limit_filled;
	ssd->limit_left = (int64_t)c->ssd.limit_burst;
}

bool ssd_limit_holds(struct ssd *ssd, struct sim_cmd *cmd, uint64_t now)
{
	bool first = TAILQ_EMPTY(&ssd->limited);

	if (!ssd->m.c->ssd.limit)
		return false;
	ssd_limit_fill(ssd, now);
	if (first && ssd_limit_take(ssd, cmd))
		return false;
	TAILQ_INSERT_TAIL(&ssd->limited, cmd, link);
	if (first)
		ssd_limit_await(ssd);
	return true;
}
