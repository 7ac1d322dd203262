/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ssd.c - the model of an SSD: flash behind a link and a write cache.
 *
 * Channels work in parallel; ssd_channel.c says what each does. A read is split at pages; page N
 * lives on channel N modulo the number of channels. A write ends when its data is in the cache. The
 * content of the cache is programmed page by page on all channels, one after another, whatever its
 * offset. If the description names no other policy, a page is programmed only if no read waits for
 * that channel while the cache has room; if writes wait for room, the channel alternates between
 * reads and programs. So many writes at once first run at the speed of the link, and at the speed
 * of the flash when the cache is full; from then on they also delay reads.
 *
 * Owned by the thread that runs the simulation.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/clock.h"
#include "sim/ssd.h"

static uint64_t ssd_later(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/* Transfers CMD over the link, in the order of arrival. */
static void ssd_link(struct ssd *ssd, struct sim_cmd *cmd, uint64_t now)
{
	bool write = ssd->m.c->duplex && cmd->cmd->op != WEIR_OP_READ;
	uint64_t *free_at = &ssd->link_ns[write];

	*free_at = ssd_later(*free_at, now) + model_link_ns(&ssd->m, cmd->cmd->length);
	cmd->link_ns = *free_at;
}

/* Completes CMD, for which flash and cache are ready at READY. */
static void ssd_answer(struct ssd *ssd, struct sim_cmd *cmd, uint64_t ready)
{
	ready += model_link_ns(&ssd->m, cmd->cmd->length);
	ssd_end_at(ssd, cmd, ssd_later(ready, cmd->link_ns) + ssd->m.c->command);
}

static bool ssd_has_room(const struct ssd *ssd, const struct sim_cmd *cmd)
{
	/* A write that is larger than the cache is accepted when the cache is empty. */
	return ssd->cached + cmd->cmd->length <= ssd->m.c->ssd.cache || ssd->cached == ssd->partial;
}

/* Puts the data of CMD into the cache, and gives full pages to the channels. */
static void ssd_cache(struct ssd *ssd, struct sim_cmd *cmd, uint64_t now)
{
	const struct sim_config *c = ssd->m.c;
	uint64_t ready = now + ssd_service(ssd, c->ssd.cache_write);

	ssd->cached += cmd->cmd->length;
	ssd->partial += cmd->cmd->length;
	for (; ssd->partial >= c->ssd.page; ssd->partial -= c->ssd.page) {
		struct ssd_channel *ch = &ssd->channels[ssd->next_channel];

		ssd->next_channel = (ssd->next_channel + 1) % ssd->nr_channels;
		ch->programs++;
		ssd_work(ch, now);
	}
	/* The write goes through the cache, which alone would not make it durable. */
	if (cmd->cmd->fua && c->ssd.volatile_cache)
		ready += ssd_program_ns(ssd);
	ssd_answer(ssd, cmd, ready);
}

/* Lets writes that waited into the cache. */
static void ssd_admit(struct ssd *ssd, uint64_t now)
{
	struct sim_cmd *cmd;

	while ((cmd = TAILQ_FIRST(&ssd->writers)) && ssd_has_room(ssd, cmd)) {
		TAILQ_REMOVE(&ssd->writers, cmd, link);
		ssd_cache(ssd, cmd, now);
	}
}

/* Begins to program because a write waits, if the drive has put that off. */
static void ssd_drain(struct ssd *ssd, uint64_t now)
{
	if (ssd->m.c->ssd.drain != SIM_DRAIN_BURSTS || ssd->draining)
		return;
	ssd->draining = true;
	ssd_work_all(ssd, now);
}

static void ssd_page_programmed(struct ssd *ssd, uint64_t now)
{
	ssd->cached -= ssd->m.c->ssd.page;
	if (ssd->draining && ssd->cached > ssd->m.c->ssd.cache / 2)
		return;
	ssd->draining = false;
	ssd_admit(ssd, now);
	if (!TAILQ_EMPTY(&ssd->writers))
		ssd_drain(ssd, now);
}

static void ssd_read(struct ssd *ssd, struct sim_cmd *cmd, uint64_t now)
{
	uint64_t page = ssd->m.c->ssd.page, first = cmd->cmd->offset / page;
	uint64_t pages = (cmd->cmd->offset + cmd->cmd->length - 1) / page - first + 1;
	uint64_t n = pages < ssd->nr_channels ? pages : ssd->nr_channels;

	cmd->parts = (uint32_t)n;
	for (uint64_t i = 0; i < n; i++) {
		struct ssd_leg *leg = &ssd->legs[cmd->index * ssd->nr_channels + i];
		struct ssd_channel *ch = &ssd->channels[(first + i) % ssd->nr_channels];

		leg->cmd = cmd;
		leg->pages = (pages - i + ssd->nr_channels - 1) / ssd->nr_channels;
		/* The map lies anywhere: on the first channel, which waits for it, as well. */
		if (!i)
			leg->pages += ssd_map_misses(ssd, cmd->cmd);
		STAILQ_INSERT_TAIL(&ch->reads, leg, link);
		ssd_work(ch, now);
	}
}

/* Returns the time until all data in the cache is programmed, if no other command comes. */
static uint64_t ssd_flush_ns(const struct ssd *ssd)
{
	const struct sim_config *c = ssd->m.c;

	if (!c->ssd.volatile_cache || !ssd->cached)
		return 0;
	return ssd_program_ns(ssd) * (ssd->cached / c->ssd.page / ssd->nr_channels + 1);
}

static void ssd_write(struct ssd *ssd, struct sim_cmd *cmd, uint64_t now)
{
	ssd_fold_later(ssd, now);
	if (TAILQ_EMPTY(&ssd->writers) && ssd_has_room(ssd, cmd)) {
		ssd_cache(ssd, cmd, now);
		return;
	}
	TAILQ_INSERT_TAIL(&ssd->writers, cmd, link);
	ssd_drain(ssd, now);
}

static void ssd_go_on(struct ssd *ssd, struct sim_cmd *cmd, uint64_t now)
{
	ssd_link(ssd, cmd, now);
	if (cmd->cmd->op == WEIR_OP_READ)
		ssd_read(ssd, cmd, now);
	else
		ssd_write(ssd, cmd, now);
}

static void ssd_start(struct model *m, struct sim_cmd *cmd, uint64_t now)
{
	struct ssd *ssd = (struct ssd *)m;

	switch (cmd->cmd->op) {
	case WEIR_OP_READ:
	case WEIR_OP_WRITE:
		if (!ssd_limit_holds(ssd, cmd, now))
			ssd_go_on(ssd, cmd, now);
		return;
	case WEIR_OP_FLUSH:
		ssd_end_at(ssd, cmd, now + m->c->command + ssd_flush_ns(ssd));
		return;
	default:
		ssd_end_at(ssd, cmd, now + m->c->command + ssd_service(ssd, m->c->ssd.discard));
	}
}

static uint64_t ssd_worked(const struct model *m)
{
	const struct ssd *ssd = (const struct ssd *)m;

	return ssd->worked / ssd->nr_channels;
}

static void ssd_close(struct model *m)
{
	struct ssd *ssd = (struct ssd *)m;

	free(ssd->channels);
	free(ssd->legs);
	free(ssd->map);
	free(ssd);
}

static int ssd_open(struct model **m, const struct sim_config *c)
{
	struct ssd *ssd = calloc(1, sizeof(*ssd));

	if (!ssd)
		return -ENOMEM;
	ssd->nr_channels = c->ssd.channels;
	ssd->channels = calloc(ssd->nr_channels, sizeof(*ssd->channels));
	ssd->legs = calloc(ssd->nr_channels * c->queue_depth, sizeof(*ssd->legs));
	if (!ssd->channels || !ssd->legs || ssd_map_open(ssd, c)) {
		ssd_close(&ssd->m);
		return -ENOMEM;
	}
	ssd->read_done = ssd_answer;
	ssd->page_done = ssd_page_programmed;
	ssd->let_on = ssd_go_on;
	TAILQ_INIT(&ssd->writers);
	ssd_limit_open(ssd, c);
	for (uint64_t i = 0; i < ssd->nr_channels; i++)
		ssd_channel_init(&ssd->channels[i], ssd, c);
	*m = &ssd->m;
	return 0;
}

const struct model_ops model_ssd = {
	.open = ssd_open,
	.close = ssd_close,
	.start = ssd_start,
	.worked = ssd_worked,
};
