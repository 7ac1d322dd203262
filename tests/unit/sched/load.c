/* SPDX-License-Identifier: Apache-2.0 */
/* load.c - submitters that never stop, and a drive that serves in order. See load.h. */
#include <string.h>

#include "load.h"

struct load load[LOAD_MAX];
unsigned loads;
uint64_t load_now;
void (*load_served)(unsigned of, uint64_t sectors);

static uint64_t seed;
static unsigned of_id[LOAD_IDS];
/* The requests in the drive, in order. */
static int in_drive[LOAD_IDS];
static uint64_t done_at[LOAD_IDS];
static unsigned nr_in_drive;
static uint64_t head_at, busy_until;
static int free_ids[LOAD_IDS];
static unsigned nr_free;

uint64_t load_pick(uint64_t n)
{
	seed = seed * 6364136223846793005ull + 1442695040888963407ull;
	return (seed >> 33) * n >> 31;
}

void load_reset(uint64_t first)
{
	memset(load, 0, sizeof(load));
	loads = nr_in_drive = 0;
	load_now = SEC;
	busy_until = head_at = 0;
	seed = first;
	load_served = NULL;
	for (nr_free = 0; nr_free < LOAD_IDS; nr_free++)
		free_ids[nr_free] = (int)(LOAD_IDS - 1 - nr_free);
}

struct load *load_add(uint16_t prio)
{
	struct load *l = &load[loads++];

	l->submitter = loads;
	l->prio = prio;
	l->flags = SCHED_RQ_SYNC;
	l->nr[0] = l->nr[1] = 8;
	l->backlog = 8;
	l->next_sector = (uint64_t)loads << 24;
	l->last_ns = load_now;
	return l;
}

bool load_backlogged(unsigned of)
{
	return load[of].has;
}

static void load_send(struct load *l)
{
	uint32_t nr = l->nr[load_pick(2)];
	int id;

	assert_true(nr_free > 0);
	id = free_ids[--nr_free];
	of_id[id] = (unsigned)(l - load);
	rig.submitter = l->submitter;
	rig.prio = l->prio;
	rig.flags = l->flags;
	rig_insert(id, l->op, l->sequential ? l->next_sector : load_pick(1 << 30), nr, load_now);
	l->next_sector += nr;
	l->has++;
}

static bool load_sends(const struct load *l)
{
	uint64_t period = l->active_ns + l->pause_ns;

	return !l->active_ns || load_now % period < l->active_ns;
}

/* Lets all loads send what they want to send. Returns when the next one will send. */
static uint64_t load_fill(void)
{
	uint64_t next = SCHED_NEVER;

	for (struct load *l = load; l < load + loads; l++) {
		uint64_t period = l->active_ns + l->pause_ns, at;

		while (load_sends(l) && l->has + l->nr_later < l->backlog)
			load_send(l);
		for (unsigned i = 0; i < l->nr_later; i++) {
			if (l->later[i].due <= load_now) {
				l->later[i--] = l->later[--l->nr_later];
				load_send(l);
			} else if (l->later[i].due < next) {
				next = l->later[i].due;
			}
		}
		if (!load_sends(l)) {
			at = load_now - load_now % period + period;
			next = at < next ? at : next;
		}
	}
	return next;
}

static void load_start(const struct drive *drive, int id)
{
	const struct sched_rq *rq = &rig.rq[id];
	struct load *l = &load[of_id[id]];
	uint64_t took = drive->fixed_ns + rq->nr_sectors * drive->sector_ns;

	if (rq->sector != head_at)
		took += drive->seek_ns;
	head_at = rq->sector + rq->nr_sectors;
	busy_until = (busy_until > load_now ? busy_until : load_now) + took;
	in_drive[nr_in_drive] = id;
	done_at[nr_in_drive++] = busy_until;
	if (load_now - l->last_ns > l->longest_ns)
		l->longest_ns = load_now - l->last_ns;
	l->last_ns = load_now;
	l->sectors += rq->nr_sectors;
	if (load_served)
		load_served(of_id[id], rq->nr_sectors);
}

static void load_end_first(void)
{
	struct load *l = &load[of_id[in_drive[0]]];

	rig_complete(in_drive[0], load_now);
	free_ids[nr_free++] = in_drive[0];
	l->ended++;
	l->has--;
	if (l->think_ns)
		l->later[l->nr_later++].due = load_now + l->think_ns;
	nr_in_drive--;
	memmove(in_drive, in_drive + 1, nr_in_drive * sizeof(*in_drive));
	memmove(done_at, done_at + 1, nr_in_drive * sizeof(*done_at));
}

void load_run(const struct drive *drive, uint64_t ns)
{
	uint64_t until = load_now + ns, next, wakeup;
	int id;

	while (load_now < until) {
		next = load_fill();
		while (nr_in_drive < drive->depth && (id = rig_dispatch(load_now)) != NONE)
			load_start(drive, id);
		if (nr_in_drive < drive->depth && rig.s->ops->has_work(rig.s)) {
			wakeup = rig.s->ops->next_wakeup(rig.s);
			next = wakeup < next ? wakeup : next;
		}
		if (nr_in_drive && done_at[0] < next)
			next = done_at[0];
		assert_true(next != SCHED_NEVER);
		load_now = next > load_now ? next : load_now;
		while (nr_in_drive && done_at[0] <= load_now)
			load_end_first();
	}
}
