/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ssd.c - the model of an SSD: flash behind a link and a write cache.
 *
 * Channels work in parallel. A read is split at pages; page N lives on channel N modulo the number
 * of channels. A channel serves reads one after another, in the order of arrival. A write ends
 * when its data is in the cache. The content of the cache is programmed page by page on all
 * channels, one after another, whatever its offset. While the cache has room, a page is programmed
 * only if no read waits for that channel; if writes wait for room, the channel alternates between
 * reads and programs. So many writes at once first run at the speed of the link, and at the speed
 * of the flash when the cache is full; from then on they also delay reads.
 *
 * Owned by the thread that runs the simulation.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/clock.h"
#include "sim/model.h"

/* The part of a command that reads from one channel. */
struct ssd_leg {
	struct sim_cmd *cmd;
	uint64_t pages;
	STAILQ_ENTRY(ssd_leg) link;
};

struct ssd_channel {
	struct event ev; /* the end of the operation in progress */
	struct ssd *ssd;
	STAILQ_HEAD(, ssd_leg) reads;
	struct ssd_leg *reading; /* NULL: if the channel is busy, it programs */
	uint64_t programs;	 /* number of pages that wait to be programmed */
	bool busy, last_read;
	uint64_t began_ns;
};

struct ssd {
	struct model m;
	struct ssd_channel *channels;
	/* one entry per channel for each command that the drive can have */
	struct ssd_leg *legs;
	struct sim_cmds writers; /* writes that wait for room in the cache */
	uint64_t nr_channels, next_channel;
	uint64_t cached; /* number of bytes in the cache */
	/* bytes of the cache that are less than a page and belong to no channel yet */
	uint64_t partial;
	uint64_t link_ns[2]; /* when the link is free, for reads and writes */
	uint64_t worked;     /* time of all channels together, ns */
};

/*
 * Returns a service time: MEAN, of which a share is random. That share is distributed nearly
 * exponentially, computed without libm so that it is the same on all machines.
 */
static uint64_t ssd_service(struct ssd *ssd, uint64_t mean)
{
	uint64_t bits = prng_next(&ssd->m.prng) | 1;
	unsigned zeroes = (unsigned)__builtin_clzll(bits);
	double rest = (double)(bits << zeroes << 1) / 18446744073709551616.0;
	double chance = ((double)zeroes + 1 - rest) / 1.5; /* the mean of this number is 1 */
	double spread = (double)ssd->m.c->ssd.spread / 100;

	return (uint64_t)((double)mean * (1 - spread + spread * chance));
}

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
	model_end_at(cmd, ssd_later(ready, cmd->link_ns) + ssd->m.c->command);
}

static bool ssd_has_room(const struct ssd *ssd, const struct sim_cmd *cmd)
{
	/* A write that is larger than the cache is accepted when the cache is empty. */
	return ssd->cached + cmd->cmd->length <= ssd->m.c->ssd.cache || ssd->cached == ssd->partial;
}

/* Starts work on an idle channel. */
static void ssd_work(struct ssd_channel *ch, uint64_t now)
{
	struct ssd *ssd = ch->ssd;
	struct ssd_leg *read = STAILQ_FIRST(&ch->reads);
	bool writes_wait = !TAILQ_EMPTY(&ssd->writers);
	uint64_t ns = 0;

	if (ch->busy || (!read && !ch->programs))
		return;
	ch->last_read = read && !(ch->programs && writes_wait && ch->last_read);
	ch->reading = ch->last_read ? read : NULL;
	if (ch->reading) {
		STAILQ_REMOVE_HEAD(&ch->reads, link);
		for (uint64_t i = 0; i < read->pages; i++)
			ns += ssd_service(ssd, ssd->m.c->ssd.read);
	} else {
		ch->programs--;
		ns = ssd_service(ssd, ssd->m.c->ssd.program);
	}
	ch->busy = true;
	ch->began_ns = now;
	events_add(ssd->m.events, &ch->ev, now + ns);
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
		ready += c->ssd.program;
	ssd_answer(ssd, cmd, ready);
}

static void ssd_page_programmed(struct ssd *ssd, uint64_t now)
{
	struct sim_cmd *cmd;

	ssd->cached -= ssd->m.c->ssd.page;
	while ((cmd = TAILQ_FIRST(&ssd->writers)) && ssd_has_room(ssd, cmd)) {
		TAILQ_REMOVE(&ssd->writers, cmd, link);
		ssd_cache(ssd, cmd, now);
	}
}

static void ssd_channel_done(struct event *ev, uint64_t now)
{
	struct ssd_channel *ch = (struct ssd_channel *)ev;
	struct ssd_leg *leg = ch->reading;

	ch->ssd->worked += now - ch->began_ns;
	ch->busy = false;
	ch->reading = NULL;
	if (!leg)
		ssd_page_programmed(ch->ssd, now);
	else if (!--leg->cmd->parts)
		ssd_answer(ch->ssd, leg->cmd, now);
	ssd_work(ch, now);
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
	return c->ssd.program * (ssd->cached / c->ssd.page / ssd->nr_channels + 1);
}

static void ssd_start(struct model *m, struct sim_cmd *cmd, uint64_t now)
{
	struct ssd *ssd = (struct ssd *)m;

	switch (cmd->cmd->op) {
	case WEIR_OP_READ:
		ssd_link(ssd, cmd, now);
		ssd_read(ssd, cmd, now);
		return;
	case WEIR_OP_WRITE:
		ssd_link(ssd, cmd, now);
		if (TAILQ_EMPTY(&ssd->writers) && ssd_has_room(ssd, cmd))
			ssd_cache(ssd, cmd, now);
		else
			TAILQ_INSERT_TAIL(&ssd->writers, cmd, link);
		return;
	case WEIR_OP_FLUSH:
		model_end_at(cmd, now + m->c->command + ssd_flush_ns(ssd));
		return;
	default:
		model_end_at(cmd, now + m->c->command + ssd_service(ssd, m->c->ssd.discard));
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
	if (!ssd->channels || !ssd->legs) {
		ssd_close(&ssd->m);
		return -ENOMEM;
	}
	TAILQ_INIT(&ssd->writers);
	for (uint64_t i = 0; i < ssd->nr_channels; i++) {
		ssd->channels[i].ev.fire = ssd_channel_done;
		ssd->channels[i].ssd = ssd;
		STAILQ_INIT(&ssd->channels[i].reads);
	}
	*m = &ssd->m;
	return 0;
}

const struct model_ops model_ssd = {
	.open = ssd_open,
	.close = ssd_close,
	.start = ssd_start,
	.worked = ssd_worked,
};
