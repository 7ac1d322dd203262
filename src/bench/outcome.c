/* SPDX-License-Identifier: Apache-2.0 */
/* outcome.c - the results of weir in the form in which they are compared. See outcome.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "bench/outcome.h"

static double outcome_rate(uint64_t n, uint64_t ns)
{
	return ns ? (double)n * 1e9 / (double)ns : 0;
}

static void outcome_line(struct bench_line *line, const struct sim_job_result *j,
			 const struct sim_job *section, enum sim_dir dir)
{
	const struct sim_ios *ios = &j->dir[dir];

	memcpy(line->job, j->name, sizeof(line->job));
	line->dir = dir;
	line->section = section;
	line->none = !ios->latency.count;
	line->ios = (double)ios->ios;
	line->iops = outcome_rate(ios->ios, j->active_ns);
	line->mbps = outcome_rate(ios->bytes, j->active_ns) / 1e6;
	line->mean = line->none ? 0 : (double)ios->latency.sum_ns / (double)ios->latency.count;
	line->p50 = (double)ios->latency.p50_ns;
	line->p99 = (double)ios->latency.p99_ns;
	line->p999 = (double)ios->latency.p999_ns;
	line->p9999 = (double)ios->p9999_ns;
	line->max = (double)ios->latency.max_ns;
}

/* Says whether JOB will have ios in the direction, however long it takes until one ends. What a
 * log has is not known. */
static bool outcome_has(const struct sim_job *job, int dir)
{
	bool mixed = job->rw & SIM_RW_READ && job->rw & SIM_RW_WRITE;
	uint64_t never = dir == SIM_READ ? 0 : 100;

	return !job->replay.io && job->rw & 1u << dir && !(mixed && job->rwmixread == never);
}

int bench_outcome_of(struct bench_outcome *out, const struct sim_result *r,
		     const struct sim_jobs *jobs)
{
	*out = (struct bench_outcome){ .cpu = r->cpu,
				       .cpu_wait = r->cpu_wait,
				       .bound = r->bound,
				       .interrupted = r->interrupted };
	out->line = calloc(r->count * SIM_DIRS + 1, sizeof(*out->line));
	if (!out->line)
		return error_sys(-ENOMEM, "the results");
	for (size_t i = 0; i < r->count; i++) {
		const struct sim_job *section = &jobs->job[r->job[i].section];

		for (int dir = 0; dir < SIM_DIRS; dir++) {
			if (!r->job[i].dir[dir].latency.count && !outcome_has(section, dir))
				continue;
			outcome_line(&out->line[out->n++], &r->job[i], section, (enum sim_dir)dir);
		}
	}
	/* The processor's time is that of the whole run, with ramp_time, and so are these ios. */
	out->cpu_ns = r->ended ? (double)r->cpu_ns / (double)r->ended : 0;
	return 0;
}

void bench_outcome_free(struct bench_outcome *out)
{
	free(out->line);
	*out = (struct bench_outcome){ .n = 0 };
}
