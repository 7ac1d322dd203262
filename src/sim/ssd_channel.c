/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ssd_channel.c - what a channel of an SSD does next: a read, a program, an erase, or moving a page
 * out of the fast part; and which of these a read may interrupt.
 *
 * A channel serves reads one after another, in the order of arrival. With which right programs
 * interrupt that order is the policy (enum sim_drain). A program or erase that a read interrupts
 * continues where it was, before any other; each is interrupted a limited number of times, so it
 * ends.
 */
#include "sim/ssd.h"

/* Returns a random number with mean 1 and a nearly exponential distribution. */
static double ssd_chance(struct ssd *ssd)
{
	uint64_t bits = prng_next(&ssd->m.prng) | 1;
	unsigned zeroes = (unsigned)__builtin_clzll(bits);
	double rest = (double)(bits << zeroes << 1) / 18446744073709551616.0;

	return ((double)zeroes + 1 - rest) / 1.5;
}

uint64_t ssd_service(struct ssd *ssd, uint64_t mean)
{
	double spread = (double)ssd->m.c->ssd.spread / 100;

	return (uint64_t)((double)mean * (1 - spread + spread * ssd_chance(ssd)));
}

uint64_t ssd_exponential(struct ssd *ssd, uint64_t mean)
{
	return (uint64_t)((double)mean * ssd_chance(ssd));
}

static bool ssd_is_fast(const struct ssd *ssd)
{
	return ssd->slc_used + ssd->m.c->ssd.page <= ssd->m.c->ssd.slc;
}

uint64_t ssd_program_ns(const struct ssd *ssd)
{
	return ssd_is_fast(ssd) ? ssd->m.c->ssd.slc_program : ssd->m.c->ssd.program;
}

/* Returns true if CH may program now. */
static bool ssd_may_program(const struct ssd_channel *ch)
{
	bool held = ch->ssd->m.c->ssd.drain == SIM_DRAIN_BURSTS && !ch->ssd->draining;

	return ch->paused || (ch->programs && !held);
}

/* Returns true if a program goes before a read, which waits too. */
static bool ssd_programs_first(const struct ssd_channel *ch)
{
	switch (ch->ssd->m.c->ssd.drain) {
	case SIM_DRAIN_TURNS:
		return ch->last_read;
	case SIM_DRAIN_BURSTS:
		return ch->ssd->draining;
	default:
		return ch->last_read && !TAILQ_EMPTY(&ch->ssd->writers);
	}
}

static void ssd_begin(struct ssd_channel *ch, enum ssd_op op, uint64_t ns, uint64_t now)
{
	ch->op = op;
	ch->began_ns = now;
	events_add(ch->ssd->m.events, &ch->ev, now + ns);
}

/* Begins the first read, SUSPEND ns late. */
static void ssd_begin_read(struct ssd_channel *ch, uint64_t suspend, uint64_t now)
{
	struct ssd_leg *leg = STAILQ_FIRST(&ch->reads);
	uint64_t ns = suspend;

	STAILQ_REMOVE_HEAD(&ch->reads, link);
	ch->last_read = true;
	ch->reading = leg;
	for (uint64_t i = 0; i < leg->pages; i++)
		ns += ssd_service(ch->ssd, ch->ssd->m.c->ssd.read);
	ssd_begin(ch, SSD_READ, ns, now);
}

/* Begins a program, or the erase that must come before it. */
static void ssd_begin_program(struct ssd_channel *ch, uint64_t now)
{
	struct ssd *ssd = ch->ssd;
	const struct sim_config *c = ssd->m.c;
	uint64_t ns = ssd_program_ns(ssd);

	ch->last_read = false;
	if (c->ssd.erase && !ch->until_erase) {
		ch->until_erase = c->ssd.erase_pages;
		ssd_begin(ch, SSD_ERASE, ssd_service(ssd, c->ssd.erase), now);
		return;
	}
	ch->until_erase -= ch->until_erase > 0;
	ch->programs--;
	if (ssd_is_fast(ssd))
		ssd->slc_used += c->ssd.page;
	ssd_begin(ch, SSD_PROGRAM, ssd_service(ssd, ns), now);
}

static void ssd_begin_fold(struct ssd_channel *ch, uint64_t now)
{
	struct ssd *ssd = ch->ssd;
	const struct sim_config *c = ssd->m.c;

	if (!ssd->folding || ssd->slc_moving + c->ssd.page > ssd->slc_used)
		return;
	ssd->slc_moving += c->ssd.page;
	ch->last_read = false;
	ssd_begin(ch, SSD_FOLD, ssd_service(ssd, c->ssd.read + c->ssd.program), now);
}

/* Continues what a read has interrupted. */
static void ssd_resume(struct ssd_channel *ch, uint64_t now)
{
	enum ssd_op op = ch->paused;

	ch->paused = SSD_NOTHING;
	ch->last_read = false;
	ssd_begin(ch, op, ch->left_ns, now);
}

/* Interrupts a program or erase for a read that waits, if the drive can do so. */
static void ssd_suspend(struct ssd_channel *ch, uint64_t now)
{
	const struct sim_config *c = ch->ssd->m.c;
	uint64_t ns = ch->op == SSD_ERASE ? c->ssd.erase_suspend : c->ssd.program_suspend;

	if (ch->op == SSD_READ || STAILQ_EMPTY(&ch->reads) || !ns || ch->ev.due <= now + ns ||
	    ch->pauses >= c->ssd.suspends)
		return;
	events_remove(ch->ssd->m.events, &ch->ev);
	ch->pauses++;
	ch->paused = ch->op;
	ch->left_ns = ch->ev.due - now;
	ch->ssd->worked += now - ch->began_ns;
	ssd_begin_read(ch, ns, now);
}

void ssd_work(struct ssd_channel *ch, uint64_t now)
{
	if (ch->op) {
		ssd_suspend(ch, now);
		return;
	}
	if (!STAILQ_EMPTY(&ch->reads) && !(ssd_may_program(ch) && ssd_programs_first(ch)))
		ssd_begin_read(ch, 0, now);
	else if (ch->paused)
		ssd_resume(ch, now);
	else if (ssd_may_program(ch))
		ssd_begin_program(ch, now);
	else
		ssd_begin_fold(ch, now);
}

void ssd_work_all(struct ssd *ssd, uint64_t now)
{
	for (uint64_t i = 0; i < ssd->nr_channels; i++)
		ssd_work(&ssd->channels[i], now);
}

static void ssd_fold_done(struct ssd *ssd)
{
	ssd->slc_moving -= ssd->m.c->ssd.page;
	ssd->slc_used -= ssd->m.c->ssd.page;
}

static void ssd_channel_done(struct event *ev, uint64_t now)
{
	struct ssd_channel *ch = (struct ssd_channel *)ev;
	struct ssd_leg *leg = ch->reading;
	enum ssd_op op = ch->op;

	ch->ssd->worked += now - ch->began_ns;
	ch->op = SSD_NOTHING;
	ch->reading = NULL;
	if (op != SSD_READ)
		ch->pauses = 0;
	if (op == SSD_PROGRAM)
		ch->ssd->page_done(ch->ssd, now);
	else if (op == SSD_FOLD)
		ssd_fold_done(ch->ssd);
	else if (op == SSD_READ && !--leg->cmd->parts)
		ch->ssd->read_done(ch->ssd, leg->cmd, now);
	ssd_work(ch, now);
}

void ssd_channel_init(struct ssd_channel *ch, struct ssd *ssd, const struct sim_config *c)
{
	uint64_t i = (uint64_t)(ch - ssd->channels);

	/* Not all channels erase at the same time. */
	ch->until_erase = c->ssd.erase_pages * (i + 1) / c->ssd.channels;
	ch->ev.fire = ssd_channel_done;
	ch->ssd = ssd;
	STAILQ_INIT(&ch->reads);
}
