/* SPDX-License-Identifier: Apache-2.0 */
/* pace.c - limits a job to its rates. See pace.h. */
#include <math.h>
#include <string.h>

#include "base/nsec.h"
#include "sim/pace.h"

/*
 * Returns the ios a second that JOB may submit in direction DIR; 0: no limit. If only bytes are
 * limited, it computes with the shortest block.
 */
static double pace_iops(const struct sim_job *job, enum sim_dir dir)
{
	double by_bytes = (double)job->rate[dir] / (double)job->bs[dir].min;
	double by_ios = (double)job->rate_iops[dir];

	if (!job->rate[dir] || !job->rate_iops[dir])
		return by_bytes + by_ios;
	return by_bytes < by_ios ? by_bytes : by_ios;
}

/* Draws the next interval of a Poisson process, which does not depend on earlier ones. */
static void pace_draw(struct pace *p, enum sim_dir dir)
{
	double iops = pace_iops(p->job, dir);

	if (p->job->rate_process && iops > 0)
		p->poisson_ns[dir] -= log(prng_unit(p->prng)) * 1e9 / iops;
}

void pace_begin(struct pace *p, const struct sim_job *job, struct prng *prng, uint64_t start_ns)
{
	memset(p, 0, sizeof(*p));
	p->job = job;
	p->prng = prng;
	p->start_ns = start_ns;
	for (int dir = 0; dir < SIM_DIRS; dir++)
		if (job->rw & 1u << dir)
			pace_draw(p, (enum sim_dir)dir);
}

uint64_t pace_due(const struct pace *p, enum sim_dir dir)
{
	unsigned __int128 by_bytes = 0, by_ios = 0;

	if (p->job->rate_process)
		return p->start_ns + (uint64_t)p->poisson_ns[dir];
	if (p->job->rate[dir])
		by_bytes = (unsigned __int128)p->bytes[dir] * NSEC_PER_SEC / p->job->rate[dir];
	if (p->job->rate_iops[dir])
		by_ios = (unsigned __int128)p->ios[dir] * NSEC_PER_SEC / p->job->rate_iops[dir];
	return p->start_ns + (uint64_t)(by_bytes > by_ios ? by_bytes : by_ios);
}

void pace_issued(struct pace *p, enum sim_dir dir, uint64_t bytes)
{
	p->ios[dir]++;
	p->bytes[dir] += bytes;
	pace_draw(p, dir);
}
