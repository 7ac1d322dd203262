/* SPDX-License-Identifier: Apache-2.0 */
/* bench_run.c - `weir bench run`: the jobs of a file on a real drive, under several schedulers. */
#include <stdio.h>
#include <string.h>

#include <weir/base.h>

#include "base/parse.h"
#include "bench/fio.h"
#include "cli/bench_compare.h"
#include "cli/command.h"
#include "cli/report.h"
#include "cli/sim.h"
#include "cli/table.h"

struct bench_run_args {
	struct bench_device_args device;
	unsigned with_fio;
	const char *state;
};

static const struct bench_run_args bench_run_defaults = { .device = BENCH_DEVICE_DEFAULTS };

static const struct opt bench_run_options[] = {
	BENCH_DEVICE_OPTIONS(offsetof(struct bench_run_args, device)),
	{ .name = "with-fio",
	  .type = OPT_FLAG,
	  .offset = offsetof(struct bench_run_args, with_fio),
	  .help = "run the same jobs with fio's io_uring engine too" },
	SIM_STATE_OPTION(offsetof(struct bench_run_args, state)),
	BENCH_SERIES_OPTION(offsetof(struct bench_run_args, device)),
	OPT_END,
};

/* Says whether a log has anything but reads: a drive that is only read takes nothing else. */
static bool bench_run_log_writes(const struct sim_replay *r)
{
	for (size_t i = 0; i < r->count; i++)
		if (r->io[i].op != IOLOG_READ)
			return true;
	return false;
}

static bool bench_run_writes(const struct sim_jobs *jobs)
{
	bool writes = false;

	for (size_t i = 0; i < jobs->count; i++)
		writes |= jobs->job[i].replay.io
				  ? bench_run_log_writes(&jobs->job[i].replay)
				  : (jobs->job[i].rw & (SIM_RW_WRITE | SIM_RW_TRIM)) != 0;
	return writes;
}

/* Returns the number of groups: the jobs between two stonewalls run at the same time. */
static size_t bench_run_groups(const struct sim_jobs *jobs)
{
	size_t groups = 1;

	for (size_t i = 1; i < jobs->count; i++)
		groups += jobs->job[i].stonewall != 0;
	return groups;
}

/* Ends each job after its share of NS, with the time before its figures count. Returns 0 or an exit
 * code. */
static int bench_run_limit(struct sim_jobs *jobs, uint64_t ns)
{
	uint64_t share = ns / bench_run_groups(jobs);
	char before[32], has[32];

	for (size_t i = 0; i < jobs->count; i++) {
		struct sim_job *j = &jobs->job[i];
		uint64_t wait =
			j->startdelay_max > j->startdelay ? j->startdelay_max : j->startdelay;

		wait += j->ramp_time;
		if (wait >= share)
			return report_usage("%s:%u: [%s]: its startdelay and ramp_time take %s, "
					    "and a run has %s: give more --time",
					    jobs->path, j->line, j->name,
					    format_time(wait, before, sizeof(before)),
					    format_time(share, has, sizeof(has)));
		if (j->runtime > share - wait)
			j->runtime = share - wait;
	}
	return 0;
}

/* Returns the row of FIO that is like ROW. NULL: fio ended no io of it. */
static const struct bench_compare_row *bench_run_of_fio(const struct bench_compare_entry *fio,
							const struct bench_compare_row *row)
{
	for (size_t k = 0; k < fio->n; k++)
		if (fio->row[k].dir == row->dir && !strcmp(fio->row[k].job, row->job))
			return &fio->row[k];
	return NULL;
}

/* Adds to RATIO what ROW moved in each round, in parts of what fio moved. */
static void bench_run_ratio(const struct bench_compare *c, const struct bench_compare_row *row,
			    struct bench_samples *ratio)
{
	const struct bench_compare_row *fio = bench_run_of_fio(&c->entry[c->n - 1], row);

	for (size_t r = 0; fio && r < row->mbps.n && r < fio->mbps.n; r++)
		if (fio->mbps.value[r] > 0)
			bench_samples_add(ratio, row->mbps.value[r] / fio->mbps.value[r]);
}

/* The first two cells of a row: who runs, and the job with its direction. */
struct bench_run_names {
	char name[64], job[96];
};

static struct bench_run_names bench_run_names_of(const struct bench_compare_entry *e, size_t i)
{
	struct bench_run_names names = { .name = "" };

	if (!i)
		snprintf(names.name, sizeof(names.name), "%s%s", e->name, bench_compare_mark(e));
	snprintf(names.job, sizeof(names.job), "%s %s", e->row[i].job,
		 sim_dir_names[e->row[i].dir]);
	return names;
}

/* What row I of E moved. The processor is counted for all rows together. */
static void bench_run_moved(struct table *t, const struct bench_compare *c,
			    const struct bench_compare_entry *e, size_t i, bool fio)
{
	struct bench_run_names names = bench_run_names_of(e, i);
	const struct bench_compare_row *row = &e->row[i];
	int digits = bench_spread_of(&row->mbps).max < 100;
	struct bench_samples ratio = { .n = 0 };
	char iops[32], mbps[64], cpu[32] = "", to_fio[64] = "";

	table_count((uint64_t)(bench_spread_of(&row->iops).median + 0.5), iops, sizeof(iops));
	if (!i)
		bench_compare_time(&e->cpu_ns, cpu, sizeof(cpu));
	if (fio)
		bench_run_ratio(c, row, &ratio);
	if (ratio.n)
		bench_text_spread(&ratio, 2, to_fio, sizeof(to_fio));
	table_row(t, names.name, names.job, iops,
		  bench_text_spread(&row->mbps, digits, mbps, sizeof(mbps)), cpu, to_fio);
}

/* How long the ios of row I of E took. */
static void bench_run_took(struct table *t, const struct bench_compare_entry *e, size_t i)
{
	struct bench_run_names names = bench_run_names_of(e, i);
	const struct bench_compare_row *row = &e->row[i];
	const struct bench_samples *times[] = { &row->p50, &row->p99, &row->p999, &row->p9999,
						&row->max };
	char text[5][32];

	for (int k = 0; k < 5; k++)
		bench_compare_time(times[k], text[k], sizeof(text[k]));
	table_row(t, names.name, names.job, text[0], text[1], text[2], text[3], text[4]);
}

/* Two tables, because one would be wider than a terminal. */
static int bench_run_print(struct bench_compare *c, bool fio)
{
	struct table moved = { .columns = fio ? "llrrrr" : "llrrr" };
	struct table took = { .columns = "llrrrrr" };
	char text[512];
	int err;

	printf("%s; %s\n\n", bench_device_text(c->target, text, sizeof(text)),
	       "medians of the rounds, in brackets their range");
	table_row(&moved, "scheduler", "job", "io/s", "MB/s", "CPU an io", "to fio");
	table_row(&took, "scheduler", "job", "p50", "p99", "p99.9", "p99.99", "max");
	for (size_t i = 0; i < c->n; i++)
		for (size_t k = 0; k < c->entry[i].n; k++) {
			bench_run_moved(&moved, c, &c->entry[i], k, fio);
			bench_run_took(&took, &c->entry[i], k);
		}
	err = table_print(&moved, 0, stdout);
	putchar('\n');
	err = err ? err : table_print(&took, 0, stdout);
	table_free(&moved);
	table_free(&took);
	bench_compare_print_marks(c);
	return err ? report_error("out of memory") : 0;
}

static int bench_run_report(struct bench_compare *c, const struct bench_run_args *args)
{
	if (!args->device.json)
		return bench_run_print(c, args->with_fio);
	return report_json(json_pack("{s:s, s:o, s:o, s:I, s:b, s:o}", "schema",
				     "weir.bench.run.v1", "machine", bench_json_machine(), "device",
				     bench_device_json(c->target), "rounds",
				     (json_int_t)args->device.rounds, "interrupted",
				     (int)bench_stopped, "entries", bench_compare_json_all(c)),
			   0);
}

/* Runs JOBS on the device that is open in C. */
static int bench_run_contest(struct bench_compare *c, const struct bench_names *scheds,
			     struct sim_jobs *jobs, const struct bench_run_args *args)
{
	int exit_code;

	for (size_t i = 0; i < scheds->n; i++)
		bench_compare_add(c, scheds->name[i], scheds->name[i], jobs);
	if (args->with_fio)
		bench_compare_add(c, "fio", NULL, jobs);
	if (args->with_fio && bench_fio_omits(jobs))
		report_note("fio runs the jobs without weight, submitter, group, background and "
			    "deadline, which only weir has");
	exit_code = bench_run_limit(jobs, bench_compare_run_ns(&args->device, c->n));
	if (!exit_code)
		exit_code = bench_compare_run(c);
	if (!exit_code && !c->failed)
		exit_code = sim_state_write(args->state, c->kept, c->kept_length);
	if (!exit_code)
		exit_code = bench_run_report(c, args);
	bench_compare_free(c);
	return bench_compare_exit(c, exit_code);
}

/* Runs JOBS on PATH; the schedulers begin with the state that WITH has. */
static int bench_run_jobs(struct sim_jobs *jobs, const char *path, const struct bench_names *scheds,
			  const struct bench_run_args *args, const struct sim_run_opts *with)
{
	struct bench_target target = { .path = path };
	struct bench_compare c = { .args = &args->device,
				   .target = &target,
				   .state = with->state,
				   .state_length = with->state_length,
				   .keep_state = with->keep_state };
	struct output series;
	int exit_code;

	if (!args->device.json)
		sim_report_notes(&jobs->notes);
	bench_catch_signals();
	exit_code = bench_device_check(&args->device);
	if (!exit_code && args->with_fio && bench_fio_find())
		exit_code = report_error("--with-fio: %s", weir_error());
	if (exit_code)
		return exit_code;
	exit_code = bench_device_open(&target, path, bench_run_writes(jobs), &args->device);
	if (exit_code)
		return tracing_end(exit_code);
	if (args->with_fio && weir_device_get_info(target.dev)->kind == WEIR_DEVICE_NULL)
		exit_code = report_usage("--with-fio: fio has no null device: give a file");
	else
		exit_code = bench_series_begin(&c, &series, &args->device, scheds);
	if (!exit_code)
		exit_code =
			bench_series_end(&c, &series, bench_run_contest(&c, scheds, jobs, args));
	bench_device_close(&target);
	return tracing_end(exit_code);
}

/* Checks that nothing that is written is a log that a job reads. The logs are in memory by now, so
 * nothing else would notice. */
static int bench_run_check_logs(const struct bench_run_args *args, const char *path,
				const struct sim_jobs *jobs)
{
	struct apart_file files[] = {
		{ "--trace", args->device.tracing.path, OPT_WRITES_MORE },
		{ "--state", args->state, OPT_WRITES_MORE },
		{ "--series", args->device.series, OPT_WRITES_MORE },
		{ "the jobs write", bench_run_writes(jobs) ? path : NULL, OPT_WRITES_MORE },
		{ .path = NULL },
	};

	return sim_check_logs(jobs, files, sizeof(files) / sizeof(files[0]) - 1);
}

static int bench_run_run(void *arg, char **operands, int n)
{
	const struct bench_run_args *args = arg;
	struct sim_jobs jobs = { .count = 0 };
	struct sim_run_opts with = { .keep_state = false };
	struct input state = { .data = NULL };
	struct bench_names scheds;
	int exit_code = bench_read_scheds("compare", args->device.compare, &scheds);

	(void)n;
	if (!exit_code && args->state && scheds.n > 1)
		exit_code = report_usage("--state takes one scheduler: give --compare its name");
	if (!exit_code)
		exit_code = sim_read_jobs(&jobs, operands[0]);
	if (!exit_code)
		exit_code = bench_run_check_logs(args, operands[1], &jobs);
	if (!exit_code)
		exit_code = sim_state_read(args->state, &with, &state);
	if (!exit_code)
		exit_code = bench_run_jobs(&jobs, operands[1], &scheds, args, &with);
	input_free(&state);
	sim_jobs_free(&jobs);
	return exit_code;
}

const struct command command_bench_run = {
	.name = "bench run",
	.path = COMMAND_PATH,
	.files = 1 << 1,
	.operands = "JOBS PATH",
	.summary = "jobs in fio's syntax on a drive, under several schedulers",
	.text = "Runs the jobs in the file JOBS (-: standard input) on PATH, a file, a device or "
		"null, once\n"
		"for each scheduler in each round. `weir help sim` lists the keys of a job. Each "
		"run ends\n"
		"when its jobs do, and after its share of --time at the latest, startdelay and "
		"ramp_time\n"
		"included. Keys about files and engines are not used. PATH is only read if the "
		"jobs "
		"and\n"
		"their logs only read; what they would overwrite needs --force. --with-fio gives "
		"the same\n"
		"jobs to fio, for the same file.\n",
	.examples = "weir bench run jobs.fio /mnt/file\n"
		    "weir bench run jobs.fio /mnt/file --compare none --with-fio --rounds 5\n"
		    "weir bench run jobs.fio /dev/nvme0n1 --compare all --time 5m --json\n"
		    "weir bench run jobs.fio null --compare none,pace\n"
		    "weir bench run jobs.fio /mnt/file --compare pace --state pace.learned\n"
		    "weir bench run jobs.fio /mnt/file -c pace --series s.csv --json > r.json\n",
	.options = bench_run_options,
	.min_operands = 2,
	.max_operands = 2,
	.args_size = sizeof(struct bench_run_args),
	.defaults = &bench_run_defaults,
	.run = bench_run_run,
};
