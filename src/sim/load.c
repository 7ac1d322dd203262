/* SPDX-License-Identifier: Apache-2.0 */
/*
 * load.c - keeps the ios of a job in flight. See load.h. pattern.c decides what the ios are, and
 * pace.c when they may be submitted at the earliest.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/error.h"
#include "queue/lanes.h"
#include "sim/keys.h"
#include "sim/load.h"
#include "sim/watch.h"

/* Returns true if the job replays a log. */
static bool load_replays(const struct load *l)
{
	return l->job->replay.io;
}

static bool load_is_over(const struct load *l, uint64_t now)
{
	if (now >= l->stop_ns || l->env->err || l->env->stopping)
		return true;
	if (load_replays(l))
		return l->issued_ios >= l->total_ios;
	return !l->job->time_based &&
	       (l->issued_ios >= l->total_ios ||
		l->total_bytes - l->issued_bytes < pattern_shortest(&l->pattern));
}

static void load_end(struct weir_io *io);

static int load_hand_over(struct load *l, struct load_io *io, uint64_t now)
{
	int err;

	io->io.submitter = l->submitter;
	io->io.prio = (uint16_t)(l->job->prioclass << 13 | l->job->prio);
	if (l->job->deadline)
		io->io.deadline_ns = now + l->job->deadline;
	io->io.end = load_end;
	io->load = l;
	io->start_ns = now;
	io->drive_ns = 0;
	if (l->env->watch)
		watch_submitted(l->env->watch, io, now);
	if (l->env->lanes > 1)
		lanes_use(l->env->q, l->lane);
	err = weir_queue_submit(l->env->q, &io->io);
	if (err)
		return err;
	l->free = io->next;
	l->in_flight++;
	return 0;
}

static int load_flush(struct load *l, uint64_t now)
{
	struct load_io *io = l->free;

	weir_io_flush(&io->io);
	io->dir = SIM_DIRS;
	l->flush_due = false;
	return load_hand_over(l, io, now);
}

/* Counts an io of direction DIR as submitted, and sets what must follow from it. */
static void load_count(struct load *l, const struct pattern_io *next)
{
	l->issued_ios++;
	l->issued_bytes += next->bytes;
	if (l->issued_bytes > l->total_bytes)
		l->issued_bytes = l->total_bytes;
	pace_issued(&l->pace, next->dir, next->bytes);
	l->burst++;
	if (next->dir == SIM_WRITE && l->job->fsync && ++l->unflushed >= l->job->fsync) {
		l->unflushed = 0;
		l->flush_due = true;
	}
	l->settling = l->flush_due || (l->job->thinktime && l->burst >= l->job->thinktime_blocks);
}

static void load_prepare(struct load_io *io, const struct pattern_io *next)
{
	if (next->dir == SIM_TRIM)
		weir_io_discard(&io->io, next->offset, next->bytes);
	else if (next->dir == SIM_READ)
		weir_io_read(&io->io, next->offset, io->memory, next->bytes);
	else
		weir_io_write(&io->io, next->offset, io->memory, next->bytes);
	io->dir = next->dir;
}

/* Submits the next io of the log. */
static int load_replay(struct load *l, uint64_t now)
{
	struct iolog_io next = replay_next(&l->replay, now - l->start_ns);
	struct pattern_io place = { (enum sim_dir)next.op, next.offset, next.length };
	struct load_io *io = l->free;

	l->issued_ios++;
	if (next.op == IOLOG_FLUSH)
		return load_flush(l, now);
	load_prepare(io, &place);
	if (next.flags & IOLOG_BACKGROUND || (l->job->background && next.op == IOLOG_WRITE))
		io->io.flags |= WEIR_IO_BACKGROUND;
	if (next.flags & IOLOG_FUA || (l->job->sync && next.op == IOLOG_WRITE))
		io->io.flags |= WEIR_IO_FUA;
	return load_hand_over(l, io, now);
}

static int load_submit(struct load *l, uint64_t now)
{
	const struct sim_job *job = l->job;
	struct load_io *io = l->free;
	struct pattern_io next = pattern_next(&l->pattern, l->chosen);
	int err;

	load_prepare(io, &next);
	if (job->background)
		io->io.flags |= WEIR_IO_BACKGROUND;
	if (job->sync && next.dir == SIM_WRITE)
		io->io.flags |= WEIR_IO_FUA;
	l->chosen = SIM_DIRS;
	err = load_hand_over(l, io, now);
	if (!err)
		load_count(l, &next);
	return err;
}

static void load_begin_group(struct load_env *env);

static void load_stop(struct load *l, uint64_t now)
{
	struct load_env *env = l->env;

	if (l->stopped_ns == EVENTS_NEVER) {
		l->stopped_ns = now < l->stop_ns ? now : l->stop_ns;
		for (size_t i = 0; l->job->exitall && i < env->count; i++)
			if (env->loads[i].stop_ns > now)
				env->loads[i].stop_ns = now;
	}
	if (l->in_flight)
		return;
	env->running--;
	if (!--env->group_left)
		load_begin_group(env);
}

/* Continues when nothing is in flight, with the flush or pause that waited for that. */
static void load_settled(struct load *l, uint64_t now)
{
	if (l->flush_due) {
		l->env->err = load_flush(l, now);
		return;
	}
	if (l->job->thinktime && l->burst >= l->job->thinktime_blocks) {
		l->pause_ns = now + l->job->thinktime;
		l->burst = 0;
	}
	l->settling = false;
}

/* Returns true if a slot is free and only the time delays the next io. */
static bool load_has_room(struct load *l)
{
	if (l->settling || !l->free)
		l->filling = false;
	else if (l->in_flight <= l->resume_at)
		l->filling = true;
	return l->filling;
}

/*
 * Returns when the next io may be submitted, and sets its direction in CHOSEN. If its direction
 * must wait for its rate and another one need not, it takes the other one.
 */
static uint64_t load_due(struct load *l)
{
	enum sim_dir other;
	uint64_t due;

	if (load_replays(l))
		return l->start_ns + replay_due(&l->replay);
	if (l->chosen == SIM_DIRS)
		l->chosen = pattern_direction(&l->pattern);
	due = pace_due(&l->pace, l->chosen);
	other = pattern_other(&l->pattern, l->chosen);
	if (other != l->chosen && pace_due(&l->pace, other) < due && due > sim_now(l->env->sim)) {
		l->chosen = other;
		due = pace_due(&l->pace, other);
	}
	return l->pause_ns > due ? l->pause_ns : due;
}

/* Submits all ios that may be submitted now, and sets the timer for the next one. */
static void load_pump(struct load *l)
{
	uint64_t now = sim_now(l->env->sim), due;

	if (l->timer_set)
		return;
	if (l->settling && now < l->stop_ns && !l->env->stopping) {
		if (!l->in_flight)
			load_settled(l, now);
		if (l->settling)
			return;
	}
	while (!load_is_over(l, now)) {
		if (!load_has_room(l))
			return;
		due = load_due(l);
		if (due > now) {
			l->timer_set = true;
			events_add(&l->env->arrivals, &l->timer,
				   due < l->stop_ns ? due : l->stop_ns);
			return;
		}
		l->env->err = load_replays(l) ? load_replay(l, now) : load_submit(l, now);
	}
	load_stop(l, now);
}

void load_timer_fires(struct event *ev, uint64_t now)
{
	struct load *l = (struct load *)ev;

	(void)now;
	l->timer_set = false;
	load_pump(l);
}

/* In a window all ios count, also those during ramp_time. */
static void load_record_window(struct load_stats *stats, const struct load_io *io, uint64_t now)
{
	stats->ios++;
	stats->bytes += io->io.length;
	hist_record(&stats->latency, now - io->start_ns);
}

static void load_record(struct load *l, const struct load_io *io, uint64_t now)
{
	struct load_stats *stats = &l->dir[io->dir];
	uint64_t drive_ns = io->drive_ns ? io->drive_ns : now;

	l->ended++;
	if (l->window)
		load_record_window(&l->window[io->dir], io, now);
	if (now < l->measure_ns)
		return;
	hist_record(&stats->latency, now - io->start_ns);
	hist_record(&stats->queued, drive_ns - io->start_ns);
	hist_record(&stats->drive, now - drive_ns);
	stats->missed += io->io.deadline_ns && now > io->io.deadline_ns;
	if (now > l->stop_ns) {
		stats->late++;
		return;
	}
	stats->ios++;
	stats->bytes += io->io.length;
	l->window_bytes += io->io.length;
	l->last_ns = now;
}

static void load_end(struct weir_io *weir_io)
{
	struct load_io *io = (struct load_io *)weir_io;
	struct load *l = io->load;
	uint64_t now = sim_now(l->env->sim);

	if (weir_io->result)
		l->env->err = error_sys(weir_io->result, "[%s]: an io failed", l->name);
	if (io->dir == SIM_DIRS)
		l->nr_flushes++;
	else
		load_record(l, io, now);
	io->next = l->free;
	l->free = io;
	l->in_flight--;
	load_pump(l);
}

/* Starts the job's time. */
static void load_begin(struct load *l, uint64_t now)
{
	const struct sim_job *job = l->job;

	l->start_ns = now + job->startdelay;
	if (job->startdelay_max > job->startdelay)
		l->start_ns += prng_below(&l->prng, job->startdelay_max - job->startdelay + 1);
	l->measure_ns = l->start_ns + job->ramp_time;
	if (job->runtime != SIM_UNSET && l->stop_ns == EVENTS_NEVER)
		l->stop_ns = l->measure_ns + job->runtime;
	pace_begin(&l->pace, job, &l->prng, l->start_ns);
	l->timer_set = true;
	events_add(&l->env->arrivals, &l->timer, l->start_ns);
}

/* Starts the jobs of the next group, if there is one. */
static void load_begin_group(struct load_env *env)
{
	env->group++;
	for (size_t i = 0; i < env->count; i++) {
		if (env->loads[i].group != env->group)
			continue;
		env->group_left++;
		load_begin(&env->loads[i], sim_now(env->sim));
	}
}

void load_begin_first(struct load_env *env)
{
	env->group = 0;
	load_begin_group(env);
}
