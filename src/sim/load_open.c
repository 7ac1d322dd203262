/* SPDX-License-Identifier: Apache-2.0 */
/*
 * load_open.c - makes the load of a job: how much it does, how many ios it has outstanding, and
 * what its ios are made from.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/error.h"
#include "sim/job_text.h"
#include "sim/keys.h"
#include "sim/load.h"

#define LOAD_PAGE 4096u

uint64_t load_longest(const struct sim_job *job)
{
	uint64_t longest = 1;

	if (job->replay.io)
		return job->replay.longest ? job->replay.longest : 1;
	for (int dir = 0; dir < SIM_DIRS; dir++)
		if (job->bs[dir].max > longest)
			longest = job->bs[dir].max;
	return longest;
}

static uint64_t load_times(uint64_t a, uint64_t b)
{
	uint64_t product;

	return __builtin_mul_overflow(a, b, &product) ? UINT64_MAX : product;
}

/* Computes how much L has to do. */
static void load_set_totals(struct load *l)
{
	const struct sim_job *job = l->job;
	uint64_t once = l->pattern.range.bytes;

	if (job->io_size.percent)
		once = (uint64_t)((unsigned __int128)once * job->io_size.percent / 100);
	else if (job->io_size.bytes != SIM_UNSET && job->io_size.bytes)
		once = job->io_size.bytes;
	l->total_bytes = load_times(once, job->loops);
	l->total_ios = job->number_ios ? load_times(job->number_ios, job->loops) : UINT64_MAX;
}

/* Returns how many ios the job may have outstanding. */
static uint64_t load_depth(const struct sim_job *job)
{
	if (!job->replay.io || !replay_keeps_times(job))
		return job->iodepth;
	return job->replay.count < REPLAY_DEPTH ? job->replay.count : REPLAY_DEPTH;
}

static void load_set_depth(struct load *l)
{
	const struct sim_job *job = l->job;
	uint64_t batch = job->iodepth_batch > job->iodepth_batch_complete_min
				 ? job->iodepth_batch
				 : job->iodepth_batch_complete_min;

	batch = batch < job->iodepth ? batch : job->iodepth;
	l->resume_at = job->iodepth - (batch ? batch : 1);
	if (job->iodepth_low < l->resume_at)
		l->resume_at = job->iodepth_low;
	if (job->replay.io && replay_keeps_times(job))
		l->resume_at = load_depth(job) - 1;
}

/* Returns the bytes of memory of each io, which begins at a page. The ios of a log are enlarged to
 * whole blocks. */
static uint64_t load_stride(const struct load *l)
{
	const struct weir_device_info *info = weir_device_get_info(sim_device(l->env->sim));
	uint64_t bytes = load_longest(l->job);

	if (l->job->replay.io)
		bytes += 2 * (uint64_t)info->logical_block_bytes;
	return (bytes + LOAD_PAGE - 1) / LOAD_PAGE * LOAD_PAGE;
}

static int load_alloc(struct load *l)
{
	uint64_t n = load_depth(l->job);

	l->ios = calloc(n ? n : 1, sizeof(*l->ios));
	if (l->env->series)
		l->window = calloc(SIM_DIRS, sizeof(*l->window));
	if (!l->ios || (l->env->series && !l->window))
		return error_sys(-ENOMEM, "[%s]: iodepth", l->job->name);
	for (uint64_t i = n; i; i--) {
		l->ios[i - 1].memory = l->env->buffer;
		l->ios[i - 1].next = l->free;
		l->free = &l->ios[i - 1];
	}
	return sim_is_real(l->env->sim) ? load_memory_open(l, n, load_stride(l)) : 0;
}

/* Opens the source of its ios. */
static int load_open_ios(struct load *l, uint64_t clone)
{
	const struct weir_device_info *info = weir_device_get_info(sim_device(l->env->sim));
	const struct sim_job *job = l->job;
	int err;

	if (l->job->replay.io) {
		replay_open(&l->replay, job, info->capacity_bytes, info->logical_block_bytes);
		l->total_ios = job->replay.count;
		return 0;
	}
	err = pattern_open(&l->pattern, job, &l->prng, clone, info->capacity_bytes,
			   info->logical_block_bytes);
	if (err)
		return error_set(err, "%s:%u: [%s]: %s", l->env->path, job->line, job->name,
				 weir_error());
	load_set_totals(l);
	return 0;
}

int load_open(struct load *l, struct load_env *env, const struct sim_job *job, uint64_t clone,
	      size_t group, uint64_t seed)
{
	int err;

	l->env = env;
	l->job = job;
	l->group = group;
	job_text_name(job, clone, l->name, sizeof(l->name));
	prng_seed(&l->prng, seed);
	err = load_open_ios(l, clone);
	if (err)
		return err;
	load_set_depth(l);
	l->chosen = SIM_DIRS;
	l->filling = true;
	l->start_ns = l->measure_ns = l->stop_ns = l->stopped_ns = EVENTS_NEVER;
	l->timer.fire = load_timer_fires;
	env->running++;
	return load_alloc(l);
}

void load_close(struct load *l)
{
	load_memory_close(l);
	free(l->ios);
	free(l->window);
}
