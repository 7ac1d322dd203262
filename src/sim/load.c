/* SPDX-License-Identifier: Apache-2.0 */
/*
 * load.c - makes ios as a job says. See load.h.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/error.h"
#include "sim/keys.h"
#include "sim/load.h"

/* When the next io may go, by the rates: they hold on average, so who was held up catches up. */
static uint64_t load_due(const struct load *l)
{
	unsigned __int128 ns = (unsigned __int128)l->issued * NSEC_PER_SEC;
	uint64_t due = l->start_ns, by_ios;

	if (l->job->rate)
		due += (uint64_t)(ns * l->job->bs / l->job->rate);
	if (l->job->rate_iops) {
		by_ios = l->start_ns + (uint64_t)(ns / l->job->rate_iops);
		due = by_ios > due ? by_ios : due;
	}
	return l->pause_ns > due ? l->pause_ns : due;
}

/* Everything that it is to do has been submitted. */
static bool load_is_over(const struct load *l, uint64_t now)
{
	return now >= l->stop_ns || l->env->err || (!l->job->time_based && l->issued >= l->blocks);
}

static uint64_t load_offset(struct load *l, unsigned kind)
{
	uint64_t block;

	if (l->job->rw & SIM_RW_RANDOM)
		block = prng_below(&l->prng, l->blocks);
	else
		block = l->next_block[kind]++ % l->blocks;
	return l->job->offset + block * l->job->bs;
}

static bool load_reads(struct load *l)
{
	if (!(l->job->rw & SIM_RW_WRITE))
		return true;
	return (l->job->rw & SIM_RW_READ) && prng_below(&l->prng, 100) < l->job->rwmixread;
}

static void load_end(struct weir_io *io);

static int load_submit(struct load *l, uint64_t now)
{
	const struct sim_job *job = l->job;
	struct load_io *io = l->free;
	int err;

	if (job->rw & SIM_RW_TRIM)
		weir_io_discard(&io->io, load_offset(l, 2), job->bs);
	else if (load_reads(l))
		weir_io_read(&io->io, load_offset(l, 0), l->env->buffer, job->bs);
	else
		weir_io_write(&io->io, load_offset(l, 1), l->env->buffer, job->bs);
	io->io.submitter = l->submitter;
	io->io.prio = (uint16_t)(job->prioclass << 13 | job->prio);
	if (job->background)
		io->io.flags |= WEIR_IO_BACKGROUND;
	io->io.end = load_end;
	io->load = l;
	io->start_ns = now;
	err = weir_queue_submit(l->env->q, &io->io);
	if (err)
		return err;
	l->free = io->next;
	l->in_flight++;
	l->issued++;
	return 0;
}

static void load_stop(struct load *l, uint64_t now)
{
	if (l->stopped_ns == EVENTS_NEVER)
		l->stopped_ns = now < l->stop_ns ? now : l->stop_ns;
	if (!l->in_flight)
		l->env->running--;
}

/* Submits what may go now, and sees to it that the next is not forgotten. */
static void load_pump(struct load *l)
{
	uint64_t now = sim_now(l->env->sim), due;

	if (l->timer_set)
		return;
	while (!load_is_over(l, now)) {
		if (!l->free || (l->job->thinktime && l->in_flight))
			return;
		due = load_due(l);
		if (due > now) {
			l->timer_set = true;
			events_add(&l->env->arrivals, &l->timer,
				   due < l->stop_ns ? due : l->stop_ns);
			return;
		}
		l->env->err = load_submit(l, now);
	}
	load_stop(l, now);
}

static void load_timer(struct event *ev, uint64_t now)
{
	struct load *l = (struct load *)ev;

	(void)now;
	l->timer_set = false;
	load_pump(l);
}

static void load_end(struct weir_io *weir_io)
{
	struct load_io *io = (struct load_io *)weir_io;
	struct load *l = io->load;
	uint64_t now = sim_now(l->env->sim);

	if (weir_io->result)
		l->env->err = error_sys(weir_io->result, "[%s]: an io failed", l->name);
	hist_record(&l->latency, now - io->start_ns);
	if (now <= l->stop_ns) {
		l->nr_ios++;
		l->bytes += weir_io->length;
		l->window_bytes += weir_io->length;
		l->last_ns = now;
	} else {
		l->late++;
	}
	io->next = l->free;
	l->free = io;
	l->in_flight--;
	l->pause_ns = l->job->thinktime ? now + l->job->thinktime : 0;
	load_pump(l);
}

/* Says what JOB asks of the drive that it cannot do. */
static int load_check(const struct load_env *env, const struct sim_job *job)
{
	const struct weir_device_info *info = weir_device_info(sim_device(env->sim));
	uint64_t block = info->logical_block_bytes;
	const char *what = NULL;

	if (job->bs % block)
		what = "bs is not a multiple of the drive's logical block";
	else if (job->offset % block)
		what = "offset is not a multiple of the drive's logical block";
	else if (job->offset >= info->capacity_bytes ||
		 info->capacity_bytes - job->offset < job->bs)
		what = "offset is beyond the end of the drive";
	else if (job->size != SIM_UNSET && job->size > info->capacity_bytes - job->offset)
		what = "offset and size reach beyond the end of the drive";
	if (!what)
		return 0;
	return error_set(-EINVAL, "%s:%u: [%s]: %s (blocks of %llu bytes, %llu in all)", env->path,
			 job->line, job->name, what, (unsigned long long)block,
			 (unsigned long long)info->capacity_bytes);
}

int load_open(struct load *l, struct load_env *env, const struct sim_job *job, uint64_t clone,
	      uint64_t seed)
{
	uint64_t left = weir_device_info(sim_device(env->sim))->capacity_bytes - job->offset;
	int err = load_check(env, job);

	if (err)
		return err;
	l->env = env;
	l->job = job;
	l->blocks = (job->size == SIM_UNSET ? left : job->size) / job->bs;
	snprintf(l->name, sizeof(l->name), job->numjobs > 1 ? "%s.%llu" : "%s", job->name,
		 (unsigned long long)clone);
	prng_seed(&l->prng, seed);
	l->ios = calloc(job->iodepth, sizeof(*l->ios));
	if (!l->ios)
		return error_sys(-ENOMEM, "[%s]: iodepth", job->name);
	for (uint64_t i = job->iodepth; i; i--) {
		l->ios[i - 1].next = l->free;
		l->free = &l->ios[i - 1];
	}
	l->start_ns = sim_now(env->sim) + job->startdelay;
	l->stop_ns = job->runtime == SIM_UNSET ? EVENTS_NEVER : l->start_ns + job->runtime;
	l->stopped_ns = EVENTS_NEVER;
	l->timer.fire = load_timer;
	l->timer_set = true;
	events_add(&env->arrivals, &l->timer, l->start_ns);
	env->running++;
	return 0;
}

void load_close(struct load *l)
{
	free(l->ios);
}
