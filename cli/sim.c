/* SPDX-License-Identifier: Apache-2.0 */
/* sim.c - `weir sim`: runs jobs on a simulated drive, in virtual time. */
#include <stdlib.h>
#include <string.h>

#include "cli/command.h"
#include "cli/opening.h"
#include "cli/report.h"
#include "cli/sim.h"

static const struct sim_args sim_defaults = {
	.device = "nvme",
	.seed = 1,
};

static const struct opt sim_options[] = {
	{ .name = "device",
	  .letter = 'd',
	  .type = OPT_STRING,
	  .offset = offsetof(struct sim_args, device),
	  .arg = "NAME",
	  .file = OPT_READS,
	  .help = "the drive: nvme (default), sata, hdd, dc-tlc, qlc,\n"
		  "dramless, xpoint, or a file that describes one" },
	{ .name = "print-device",
	  .type = OPT_STRING,
	  .offset = offsetof(struct sim_args, print_device),
	  .arg = "NAME",
	  .help = "print the description of a built-in drive, and\n"
		  "simulate nothing" },
	{ .name = "sched",
	  .letter = 's',
	  .type = OPT_STRING,
	  .offset = offsetof(struct sim_args, sched),
	  .arg = "NAME",
	  .help = "the scheduler: none (default), mq-deadline, kyber,\n"
		  "bfq, noop, deadline, cfq, pace. Several with commas,\n"
		  "or all: one run for each, in one table" },
	{ .name = "set",
	  .type = OPT_LIST,
	  .offset = offsetof(struct sim_args, set),
	  .arg = "NAME=VALUE",
	  .help = "set a tunable of the scheduler, in its unit or with one\n"
		  "of your own (read_expire=250ms); may be given several\n"
		  "times" },
	{ .name = "seed",
	  .type = OPT_NUMBER,
	  .offset = offsetof(struct sim_args, seed),
	  .arg = "N",
	  .max = INT64_MAX, /* the largest number that the JSON output can hold */
	  .help = "the seed of all random numbers (default 1); the same\n"
		  "seed gives the same results, bit for bit" },
	{ .name = "lanes",
	  .type = OPT_NUMBER,
	  .offset = offsetof(struct sim_args, lanes),
	  .arg = "N",
	  .min = 1,
	  .max = 64,
	  .help = "number of hardware queues (default 1); jobs are\n"
		  "spread over them; none, kyber and pace have an\n"
		  "instance on each (pace: one for all with weights)" },
	{ .name = "depth",
	  .type = OPT_NUMBER,
	  .offset = offsetof(struct sim_args, depth),
	  .arg = "N",
	  .min = 1,
	  .max = 4096,
	  .help = "requests in the drive at the same time (default: as\n"
		  "many as it accepts, 128 at most)" },
	{ .name = "depth-bytes",
	  .type = OPT_SIZE,
	  .offset = offsetof(struct sim_args, depth_bytes),
	  .arg = "SIZE",
	  .min = 1,
	  .max = UINT64_MAX,
	  .help = "bytes in the drive at the same time (default 8m)" },
	{ .name = "nr-requests",
	  .type = OPT_NUMBER,
	  .offset = offsetof(struct sim_args, nr_requests),
	  .arg = "N",
	  .min = 1,
	  .max = 8192,
	  .help = "requests from which the scheduler may choose\n"
		  "(default: twice the depth)" },
	{ .name = "window",
	  .type = OPT_TIME,
	  .offset = offsetof(struct sim_args, window_ns),
	  .arg = "TIME",
	  .min = 1,
	  .max = UINT64_MAX,
	  .help = "the time over which fairness is measured (default\n"
		  "100ms); at most a million windows" },
	{ .name = "iolog",
	  .type = OPT_STRING,
	  .offset = offsetof(struct sim_args, iolog),
	  .arg = "FILE",
	  .file = OPT_READS,
	  .help = "instead of JOBS, replay the ios in FILE at their\n"
		  "times: the text of blkparse, an iolog of fio, or CSV of\n"
		  "MSR Cambridge (SNIA)" },
	{ .name = "iolog-speed",
	  .type = OPT_STRING,
	  .offset = offsetof(struct sim_args, iolog_speed),
	  .arg = "N",
	  .help = "replay N times as fast (2x, 0.5), or max: submit the\n"
		  "next io when one of --iolog-depth ios has ended" },
	{ .name = "iolog-depth",
	  .type = OPT_NUMBER,
	  .offset = offsetof(struct sim_args, iolog_depth),
	  .arg = "N",
	  .min = 1,
	  .max = 65536,
	  .help = "number of ios that each job keeps outstanding if the\n"
		  "log has no times (default 32)" },
	{ .name = "suite",
	  .type = OPT_STRING,
	  .offset = offsetof(struct sim_args, suite),
	  .arg = "NAME",
	  .help = "instead of JOBS, run a suite with all schedulers (or\n"
		  "those of --sched) side by side. isolation: how well\n"
		  "each keeps submitters apart, in seven cases" },
	{ .name = "runtime",
	  .type = OPT_TIME,
	  .offset = offsetof(struct sim_args, runtime_ns),
	  .arg = "TIME",
	  .min = 1000000,
	  .max = 3600000000000,
	  .help = "virtual time of each run of the suite (default 1s)" },
	{ .name = "fit",
	  .type = OPT_STRING,
	  .offset = offsetof(struct sim_args, fit),
	  .file = OPT_READS,
	  .arg = "FILE",
	  .help = "instead of JOBS, find the model of an SSD that does\n"
		  "what `weir bench probe --json` has measured, which is\n"
		  "in FILE, and print how well it does. What no probe\n"
		  "shows is taken from --device" },
	{ .name = "output",
	  .letter = 'o',
	  .type = OPT_STRING,
	  .offset = offsetof(struct sim_args, output),
	  .file = OPT_WRITES_MORE,
	  .arg = "FILE",
	  .help = "write the model that --fit has found, for --device" },
	{ .name = "limit",
	  .type = OPT_STRING,
	  .offset = offsetof(struct sim_args, limit),
	  .arg = "RATIO",
	  .help = "--fit fails (exit code 1) if more than one of ten\n"
		  "figures is further away than this (default 1.25)" },
	{ .name = "probes",
	  .type = OPT_STRING,
	  .offset = offsetof(struct sim_args, probes),
	  .arg = "NAME",
	  .help = "print as JSON what the probes of `weir bench probe`\n"
		  "measure on this model of a drive" },
	{ .name = "series",
	  .type = OPT_STRING,
	  .offset = offsetof(struct sim_args, series),
	  .arg = "FILE",
	  .file = OPT_WRITES_MORE,
	  .help = "write what each job did in each window, as CSV" },
	{ .name = "log",
	  .type = OPT_STRING,
	  .offset = offsetof(struct sim_args, log),
	  .arg = "FILE",
	  .file = OPT_WRITES_MORE,
	  .help = "write each submission, decision and completion, as\n"
		  "CSV" },
	SIM_STATE_OPTION(offsetof(struct sim_args, state)),
	TRACING_OPTIONS(offsetof(struct sim_args, tracing)),
	JSON_OPTION(offsetof(struct sim_args, json)),
	OPT_END,
};

static int sim_print_device(const char *name)
{
	const char *text = sim_preset(name);
	char names[128] = "";

	for (size_t i = 0; sim_preset_name(i); i++)
		snprintf(names + strlen(names), sizeof(names) - strlen(names), "%s%s",
			 i ? ", " : "", sim_preset_name(i));
	if (!text)
		return report_usage("--print-device: there is no \"%s\": there are %s", name,
				    names);
	fputs(text, stdout);
	return 0;
}

/* Says whether ARGS has nothing besides --print-device, which would not be used. */
static bool sim_print_alone(const struct sim_args *args, int operands)
{
	const void *const words[] = { args->sched,  args->series, args->log,
				      args->iolog,  args->suite,  args->iolog_speed,
				      args->state,  args->fit,	  args->probes,
				      args->output, args->limit,  args->tracing.path };
	bool alone = !operands && !args->json && !args->set.count &&
		     args->device == sim_defaults.device && args->seed == sim_defaults.seed &&
		     !args->lanes && !args->depth && !args->depth_bytes && !args->nr_requests &&
		     !args->window_ns && !args->iolog_depth && !args->runtime_ns;

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		alone &= !words[i];
	return alone;
}

/* Splits each NAME=VALUE into its two parts. TEXT gets the memory that holds both. */
static int sim_split_sets(const struct opt_list *list, struct sim_set *sets, char **text)
{
	for (size_t i = 0; i < list->count; i++) {
		char *value;

		text[i] = strdup(list->values[i]);
		if (!text[i])
			return report_error("out of memory");
		value = strchr(text[i], '=');
		if (!value)
			return report_usage("--set: \"%s\" is not NAME=VALUE", list->values[i]);
		*value = '\0';
		sets[i] = (struct sim_set){ text[i], value + 1 };
	}
	return 0;
}

static int sim_run_command(void *arg, char **operands, int n)
{
	const struct sim_args *args = arg;
	struct sim_set sets[OPT_LIST_MAX];
	char *text[OPT_LIST_MAX] = { NULL };
	int exit_code;

	if (args->print_device)
		return sim_print_alone(args, n) ? sim_print_device(args->print_device)
						: report_usage("--print-device prints a drive as "
							       "text: it takes no JOBS and no "
							       "other options");
	if (n && (args->fit || args->probes))
		return report_usage("%s and JOBS: give one of them",
				    args->fit ? "--fit" : "--probes");
	if (args->fit)
		return sim_fit(args);
	if (args->probes)
		return sim_probes(args);
	if (args->output || args->limit)
		return report_usage("--output and --limit are for --fit");
	if (n && args->suite)
		return report_usage("--suite and JOBS: give one of them");
	if (args->runtime_ns && !args->suite)
		return report_usage("--runtime is for --suite: a job has its own runtime");
	if (!n && !args->iolog && !args->suite)
		return report_usage("too few operands: name the file with the jobs (JOBS)");
	if (n && args->iolog)
		return report_usage("--iolog and JOBS: give one of them, or write read_iolog=%s in "
				    "a job",
				    args->iolog);
	if (!args->iolog && (args->iolog_speed || args->iolog_depth))
		return report_usage("--iolog-speed and --iolog-depth need --iolog");
	exit_code = tracing_check(&args->tracing);
	if (exit_code)
		return exit_code;
	exit_code = sim_split_sets(&args->set, sets, text);
	if (!exit_code)
		exit_code = sim_with_jobs(args, n ? operands[0] : args->iolog, sets);
	for (size_t i = 0; i < args->set.count; i++)
		free(text[i]);
	return exit_code;
}

const struct command command_sim = {
	.name = "sim",
	.path = COMMAND_PATH,
	.operands = "JOBS",
	.summary = "try schedulers on a simulated drive",
	.text = "Runs the jobs in the file JOBS (-: standard input) on a simulated drive, in "
		"virtual\n"
		"time: a minute takes seconds, and the same seed gives the same results. The "
		"queue\n"
		"and the schedulers above the drive are the real ones. `weir sim --print-device "
		"hdd`\n"
		"prints the description of a drive, which can be changed. docs/simulator.md says\n"
		"what the models leave out.\n\n"
		"JOBS has fio's syntax: a [section] for each job; [global] is for those below it.\n"
		"The default stands behind a colon.\n"
		"  rw          read, write, randread, randwrite, rw, randrw, trim, randtrim,\n"
		"              trimwrite, randtrimwrite; rw=randread:8 jumps after every 8 ios\n"
		"  rwmixread, rwmixwrite\n"
		"              percent of reads or writes in rw and randrw: 50\n"
		"  bs, bsrange, bssplit\n"
		"              bytes of an io: 4k; 4k-64k; 4k/60:64k/40. Reads, writes and trims\n"
		"              may have a value each: 4k,64k\n"
		"  iodepth     number of ios that are outstanding at the same time: 1\n"
		"  iodepth_batch, iodepth_batch_complete_min, iodepth_low\n"
		"              together: how many ios are left when the job submits again\n"
		"  numjobs     number of copies of this job: 1\n"
		"  offset, offset_increment, size\n"
		"              the part of the drive: from 0 to the end; in bytes or percent. The\n"
		"              job ends when it has moved size bytes\n"
		"  io_size, number_ios, loops\n"
		"              other amounts after which the job ends\n"
		"  random_distribution, percentage_random\n"
		"              random, zipf:1.2, pareto:0.2, normal:10; percent of random ios\n"
		"  runtime, startdelay, ramp_time\n"
		"              seconds, or with a unit; the job ends after runtime at the latest;\n"
		"              its first ramp_time is not counted\n"
		"  time_based  continue until runtime is over\n"
		"  stonewall, exitall\n"
		"              wait for the jobs above; end all jobs when this one ends\n"
		"  rate, rate_iops, rate_process\n"
		"              the average limit of each direction, in bytes or ios a second;\n"
		"              linear, or poisson\n"
		"  thinktime, thinktime_blocks\n"
		"              the pause after each io, or after this many: microseconds, or with\n"
		"              a unit\n"
		"  fsync, fdatasync, sync\n"
		"              a flush after this many writes; write to the medium (FUA)\n"
		"  prioclass, prio\n"
		"              rt (1), be (2) or idle (3), and level 0 (high) to 7: be 4\n"
		"  weight      the share of the job, 1 to 1000, if the scheduler has weights\n"
		"  submitter   jobs with the same number are one submitter for the scheduler\n"
		"  group       jobs with the same number share the turns and the weight of one\n"
		"  background  no program waits for the writes: they are asynchronous\n"
		"  deadline    the time in which each io should end (microseconds, or with a "
		"unit),\n"
		"              if the scheduler has deadlines; those missed are counted\n"
		"  read_iolog  replay the ios of this log, at their times; replay_no_stall: as\n"
		"              fast as iodepth permits\n"
		"Other keys of fio are accepted with a note, so job files need no changes.\n",
	.examples =
		"weir sim --iolog trace.csv.gz --device hdd --sched all --iolog-speed 2x\n"
		"weir sim jobs.fio --device sata --sched all\n"
		"weir sim --suite isolation --device qlc --sched none,bfq,pace\n"
		"weir sim jobs.fio --sched bfq --window 1s --series out.csv\n"
		"weir sim jobs.fio --device hdd --sched mq-deadline\n"
		"weir sim jobs.fio --sched kyber --set read_lat_nsec=500000 --json\n"
		"weir sim jobs.fio --sched pace --state pace.learned\n"
		"weir sim jobs.fio --sched pace --trace run.pftrace   # ui.perfetto.dev\n"
		"weir sim --print-device sata > mine.ini\n"
		"weir bench probe /mnt/new-file --json > probes.json\n"
		"weir sim --fit probes.json --output mine.ini && weir sim jobs.fio -d mine.ini\n",
	.options = sim_options,
	.min_operands = 0,
	.max_operands = 1,
	.args_size = sizeof(struct sim_args),
	.defaults = &sim_defaults,
	.run = sim_run_command,
};
