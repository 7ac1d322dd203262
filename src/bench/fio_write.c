/* SPDX-License-Identifier: Apache-2.0 */
/* fio_write.c - writes jobs in fio's syntax. See fio.h. Owns nothing. */
#include <errno.h>
#include <inttypes.h>

#include "base/error.h"
#include "base/nsec.h"
#include "bench/fio.h"
#include "sim/job_text.h"

#define FIO_UNSET UINT64_MAX /* what sim/jobs.h has where no value was given */

/* The priority of ios that have none: fio is not asked to set it. */
#define FIO_BEST_EFFORT 2
#define FIO_PRIO 4

static void fio_number(FILE *out, const char *name, uint64_t value, uint64_t silent)
{
	if (value != silent && value != FIO_UNSET)
		fprintf(out, "%s=%" PRIu64 "\n", name, value);
}

static void fio_time(FILE *out, const char *name, uint64_t ns)
{
	if (ns && ns != FIO_UNSET)
		fprintf(out, "%s=%" PRIu64 "us\n", name, (uint64_t)(ns / NSEC_PER_USEC));
}

static void fio_amount(FILE *out, const char *name, const struct sim_amount *a)
{
	if (a->percent)
		fprintf(out, "%s=%" PRIu64 "%%\n", name, a->percent);
	else
		fio_number(out, name, a->bytes, 0);
}

static void fio_rw(FILE *out, const struct sim_job *j)
{
	char rw[32];

	fprintf(out, "rw=%s", job_text_rw(j, rw, sizeof(rw)));
	if (j->rw_step)
		fprintf(out, ":%" PRIu64, j->rw_step);
	fprintf(out, "\nrwmixread=%" PRIu64 "\n", j->rwmixread);
}

/* The block sizes of each direction: a split, or a range. */
static void fio_bs(FILE *out, const struct sim_job *j)
{
	bool split = j->bs[SIM_READ].nr || j->bs[SIM_WRITE].nr || j->bs[SIM_TRIM].nr;

	fprintf(out, split ? "bssplit=" : "bsrange=");
	for (int dir = 0; dir < SIM_DIRS; dir++) {
		const struct sim_bs *bs = &j->bs[dir];

		fprintf(out, "%s", dir ? "," : "");
		for (uint32_t i = 0; i < bs->nr; i++)
			fprintf(out, "%s%" PRIu64 "/%u", i ? ":" : "", bs->split[i].bytes,
				bs->split[i].percent);
		if (split && !bs->nr)
			fprintf(out, "%" PRIu64 "/100", bs->max);
		if (!split)
			fprintf(out, "%" PRIu64 "-%" PRIu64, bs->min, bs->max);
	}
	fprintf(out, "\n");
}

static void fio_three(FILE *out, const char *name, const uint64_t value[SIM_DIRS], uint64_t silent)
{
	if (value[SIM_READ] == silent && value[SIM_WRITE] == silent && value[SIM_TRIM] == silent)
		return;
	fprintf(out, "%s=", name);
	for (int dir = 0; dir < SIM_DIRS; dir++)
		fprintf(out, "%s%" PRIu64, dir ? "," : "", value[dir]);
	fprintf(out, "\n");
}

static void fio_distribution(FILE *out, const struct sim_distribution *d)
{
	static const char *const names[] = { [SIM_RANDOM_ZIPF] = "zipf",
					     [SIM_RANDOM_PARETO] = "pareto",
					     [SIM_RANDOM_NORMAL] = "normal" };

	if (d->kind == SIM_RANDOM_EVEN)
		return;
	fprintf(out, "random_distribution=%s:%g", names[d->kind], d->value);
	if (d->centre >= 0)
		fprintf(out, "/%g", d->centre);
	fprintf(out, "\n");
}

static void fio_times(FILE *out, const struct sim_job *j)
{
	fio_time(out, "runtime", j->runtime);
	fio_time(out, "ramp_time", j->ramp_time);
	if (j->startdelay_max > j->startdelay)
		fprintf(out, "startdelay=%" PRIu64 "us-%" PRIu64 "us\n",
			(uint64_t)(j->startdelay / NSEC_PER_USEC),
			(uint64_t)(j->startdelay_max / NSEC_PER_USEC));
	else
		fio_time(out, "startdelay", j->startdelay);
	fio_time(out, "thinktime", j->thinktime);
	if (j->thinktime)
		fio_number(out, "thinktime_blocks", j->thinktime_blocks, 1);
	if (j->time_based)
		fprintf(out, "time_based\n");
	if (j->stonewall)
		fprintf(out, "stonewall\n");
	if (j->exitall)
		fprintf(out, "exitall\n");
}

static void fio_job(FILE *out, const struct sim_job *j)
{
	fprintf(out, "[%s]\n", j->name);
	fio_rw(out, j);
	fio_bs(out, j);
	fio_number(out, "iodepth", j->iodepth, 0);
	fio_number(out, "iodepth_batch", j->iodepth_batch, 0);
	fio_number(out, "iodepth_batch_complete_min", j->iodepth_batch_complete_min, 0);
	fio_number(out, "iodepth_low", j->iodepth_low, 0);
	fio_number(out, "numjobs", j->numjobs, 1);
	fio_amount(out, "offset", &j->offset);
	fio_amount(out, "offset_increment", &j->offset_increment);
	fio_amount(out, "size", &j->size);
	fio_amount(out, "io_size", &j->io_size);
	fio_number(out, "number_ios", j->number_ios, 0);
	fio_number(out, "loops", j->loops, 1);
	fio_distribution(out, &j->random_distribution);
	fio_three(out, "percentage_random", j->percentage_random, 100);
	fio_three(out, "rate", j->rate, 0);
	fio_three(out, "rate_iops", j->rate_iops, 0);
	if (j->rate_process)
		fprintf(out, "rate_process=poisson\n");
	if (j->prioclass != FIO_BEST_EFFORT || j->prio != FIO_PRIO)
		fprintf(out, "prioclass=%" PRIu64 "\nprio=%" PRIu64 "\n", j->prioclass, j->prio);
	fio_number(out, "fsync", j->fsync, 0);
	fio_number(out, "sync", j->sync, 0);
	fio_times(out, j);
}

/* Writes PATH, in which fio takes a colon for the end of a name. */
static void fio_filename(FILE *out, const char *path)
{
	fprintf(out, "filename=");
	for (; *path; path++)
		fprintf(out, *path == ':' ? "\\%c" : "%c", *path);
	fprintf(out, "\n");
}

bool bench_fio_omits(const struct sim_jobs *jobs)
{
	bool omits = false;

	for (size_t i = 0; i < jobs->count; i++) {
		const struct sim_job *j = &jobs->job[i];

		omits |= j->weight != FIO_UNSET || j->submitter != FIO_UNSET ||
			 j->group != FIO_UNSET || j->background || j->deadline;
	}
	return omits;
}

int bench_fio_write(FILE *out, const struct sim_jobs *jobs, const char *path, bool direct)
{
	for (size_t i = 0; i < jobs->count; i++)
		if (jobs->job[i].replay.io)
			return error_set(-EOPNOTSUPP,
					 "%s:%u: [%s]: fio is not given logs to replay", jobs->path,
					 jobs->job[i].line, jobs->job[i].name);
	fprintf(out, "[global]\n");
	fio_filename(out, path);
	/* Sizes are written in bytes and times with units, so that kb_base does not matter. Random
	 * offsets may come twice, as in weir. */
	fprintf(out,
		"ioengine=io_uring\ndirect=%d\nregisterfiles=1\nfixedbufs=1\nthread=1\n"
		"allow_file_create=0\nfallocate=none\nrandrepeat=0\nnorandommap=1\n"
		"clat_percentiles=0\nlat_percentiles=1\npercentile_list=50:99:99.9:99.99\n",
		direct);
	for (size_t i = 0; i < jobs->count; i++)
		fio_job(out, &jobs->job[i]);
	return ferror(out) ? error_sys(-EIO, "the job file for fio") : 0;
}
