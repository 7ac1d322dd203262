/* SPDX-License-Identifier: Apache-2.0 */
/* pattern.c - directions, lengths and offsets of a job's ios. See pattern.h. */
#include <errno.h>
#include <stdbool.h>

#include "base/error.h"
#include "sim/keys.h"
#include "sim/pattern.h"
#include "sim/spread.h"

/* Returns A in bytes: the given bytes, or a percentage of ALL, rounded to blocks of ALIGN bytes. */
static uint64_t pattern_amount(const struct sim_amount *a, uint64_t all, uint64_t align)
{
	if (!a->percent)
		return a->bytes;
	return (uint64_t)((unsigned __int128)all * a->percent / 100) / align * align;
}

uint64_t pattern_shortest(const struct pattern *p)
{
	uint64_t shortest = UINT64_MAX;

	for (int dir = 0; dir < SIM_DIRS; dir++)
		if (p->job->rw & 1u << dir && p->job->bs[dir].min < shortest)
			shortest = p->job->bs[dir].min;
	return shortest;
}

static uint64_t pattern_longest(const struct sim_job *job)
{
	uint64_t longest = 0;

	for (int dir = 0; dir < SIM_DIRS; dir++)
		if (job->rw & 1u << dir && job->bs[dir].max > longest)
			longest = job->bs[dir].max;
	return longest;
}

/* Returns true if all lengths that JOB may use are whole blocks of the drive. */
static bool pattern_lengths_fit(const struct sim_job *job, uint64_t block)
{
	for (int dir = 0; dir < SIM_DIRS; dir++) {
		const struct sim_bs *bs = &job->bs[dir];

		if (!(job->rw & 1u << dir))
			continue;
		if (bs->min % block || (!bs->nr && bs->max % block))
			return false;
		for (uint32_t i = 0; i < bs->nr; i++)
			if (bs->split[i].bytes % block)
				return false;
	}
	return true;
}

/* Returns which property of JOB the drive does not support, or NULL. */
static const char *pattern_wrong(const struct pattern *p, uint64_t capacity, uint64_t block)
{
	const struct sim_job *job = p->job;
	bool step = !(job->rw & SIM_RW_RANDOM) && job->rw_step % block;

	if (!pattern_lengths_fit(job, block))
		return "bs is not a multiple of the drive's logical block";
	if (step)
		return "the number behind rw is not a multiple of the drive's logical block";
	if (p->range.offset % block)
		return "offset is not a multiple of the drive's logical block";
	if (p->range.offset >= capacity || capacity - p->range.offset < pattern_longest(job))
		return "offset is beyond the end of the drive";
	if (p->range.bytes > capacity - p->range.offset)
		return "offset and size reach beyond the end of the drive";
	if (p->range.bytes < pattern_longest(job))
		return "size is less than the longest block";
	return NULL;
}

int pattern_open(struct pattern *p, const struct sim_job *job, struct prng *prng, uint64_t clone,
		 uint64_t capacity, uint64_t block)
{
	uint64_t align, increment;
	const char *wrong;

	*p = (struct pattern){ .job = job, .prng = prng };
	align = pattern_shortest(p);
	increment = pattern_amount(&job->offset_increment, capacity, align);
	p->range.offset = pattern_amount(&job->offset, capacity, align);
	if (__builtin_mul_overflow(increment, clone, &increment) ||
	    __builtin_add_overflow(p->range.offset, increment, &p->range.offset))
		p->range.offset = UINT64_MAX / block * block;
	p->range.bytes = pattern_amount(&job->size, capacity, align);
	if (job->size.bytes == SIM_UNSET && !job->size.percent)
		p->range.bytes = capacity > p->range.offset ? capacity - p->range.offset : 0;
	wrong = pattern_wrong(p, capacity, block);
	return wrong ? error_set(-EINVAL, "%s (blocks of %llu bytes, %llu in all)", wrong,
				 (unsigned long long)block, (unsigned long long)capacity)
		     : 0;
}

enum sim_dir pattern_direction(struct pattern *p)
{
	const struct sim_job *job = p->job;

	if (job->rw & SIM_RW_TRIM)
		return p->trimmed.bytes ? SIM_WRITE : SIM_TRIM;
	if (!(job->rw & SIM_RW_WRITE))
		return SIM_READ;
	if ((job->rw & SIM_RW_READ) && prng_below(p->prng, 100) < job->rwmixread)
		return SIM_READ;
	return SIM_WRITE;
}

enum sim_dir pattern_other(const struct pattern *p, enum sim_dir dir)
{
	bool mixed = (p->job->rw & SIM_RW_READ) && (p->job->rw & SIM_RW_WRITE);
	bool some = p->job->rwmixread > 0 && p->job->rwmixread < 100;

	if (!mixed || !some)
		return dir;
	return dir == SIM_READ ? SIM_WRITE : SIM_READ;
}

static uint64_t pattern_length(struct pattern *p, enum sim_dir dir)
{
	const struct sim_bs *bs = &p->job->bs[dir];
	uint64_t draw;

	if (bs->min == bs->max)
		return bs->min;
	if (!bs->nr)
		return bs->min * (1 + prng_below(p->prng, bs->max / bs->min));
	draw = prng_below(p->prng, 100);
	for (uint32_t i = 0; i < bs->nr; i++) {
		if (draw < bs->split[i].percent)
			return bs->split[i].bytes;
		draw -= bs->split[i].percent;
	}
	return bs->split[bs->nr - 1].bytes;
}

/* Returns the offset of the next sequential io of BYTES: behind the last one. */
static uint64_t pattern_sequential(struct pattern *p, enum sim_dir dir, uint64_t bytes)
{
	if (p->next[dir] > p->range.bytes - bytes)
		p->next[dir] = 0;
	return p->next[dir];
}

static bool pattern_jumps(struct pattern *p, enum sim_dir dir)
{
	uint64_t percent = p->job->percentage_random[dir];

	if (!(p->job->rw & SIM_RW_RANDOM))
		return false;
	if (p->repeat[dir]) {
		p->repeat[dir]--;
		return false;
	}
	if (percent < 100 && prng_below(p->prng, 100) >= percent)
		return false;
	p->repeat[dir] = p->job->rw_step ? p->job->rw_step - 1 : 0;
	return true;
}

struct pattern_io pattern_next(struct pattern *p, enum sim_dir dir)
{
	const struct sim_job *job = p->job;
	struct pattern_io io = { .dir = dir };
	uint64_t align = job->bs[dir].min, at;

	if (dir == SIM_WRITE && p->trimmed.bytes) {
		io.offset = p->trimmed.offset;
		io.bytes = p->trimmed.bytes;
		p->trimmed.bytes = 0;
		return io;
	}
	io.bytes = pattern_length(p, dir);
	if (pattern_jumps(p, dir))
		at = align * spread_below(p->prng, &job->random_distribution,
					  (p->range.bytes - io.bytes) / align + 1);
	else
		at = pattern_sequential(p, dir, io.bytes);
	p->next[dir] = at + io.bytes + (job->rw & SIM_RW_RANDOM ? 0 : job->rw_step);
	io.offset = p->range.offset + at;
	if (dir == SIM_TRIM && job->rw & SIM_RW_WRITE)
		p->trimmed = (struct pattern_range){ io.offset, io.bytes };
	return io;
}
