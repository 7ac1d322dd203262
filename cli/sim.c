/* SPDX-License-Identifier: Apache-2.0 */
/* sim.c - `weir sim`: runs jobs on a simulated drive, in virtual time. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "cli/command.h"
#include "cli/opening.h"
#include "cli/report.h"
#include "cli/sim.h"

static const struct sim_args sim_defaults = {
	.device = "nvme",
	.sched = "none",
	.seed = 1,
};

static const struct opt sim_options[] = {
	{ .name = "device",
	  .letter = 'd',
	  .type = OPT_STRING,
	  .offset = offsetof(struct sim_args, device),
	  .arg = "NAME",
	  .help = "the drive: nvme (default), sata, hdd, or a file that\n"
		  "describes one" },
	{ .name = "print-device",
	  .type = OPT_STRING,
	  .offset = offsetof(struct sim_args, print_device),
	  .arg = "NAME",
	  .help = "print the description of nvme, sata or hdd, and\n"
		  "simulate nothing" },
	{ .name = "sched",
	  .letter = 's',
	  .type = OPT_STRING,
	  .offset = offsetof(struct sim_args, sched),
	  .arg = "NAME",
	  .help = "who goes first: none (default), mq-deadline, kyber,\n"
		  "bfq, noop, deadline, cfq; several with commas, or all:\n"
		  "one after the other, in one table" },
	{ .name = "set",
	  .type = OPT_LIST,
	  .offset = offsetof(struct sim_args, set),
	  .arg = "NAME=VALUE",
	  .help = "set a tunable of the scheduler; may be given several\n"
		  "times" },
	{ .name = "seed",
	  .type = OPT_NUMBER,
	  .offset = offsetof(struct sim_args, seed),
	  .arg = "N",
	  .max = INT64_MAX, /* the largest number that the JSON output can hold */
	  .help = "what chance is made from; 1 by default. The same seed\n"
		  "gives the same results, bit for bit" },
	{ .name = "lanes",
	  .type = OPT_NUMBER,
	  .offset = offsetof(struct sim_args, lanes),
	  .arg = "N",
	  .min = 1,
	  .max = 64,
	  .help = "hardware queues (default 1); jobs take turns on them,\n"
		  "none and kyber have an instance on each" },
	{ .name = "depth",
	  .type = OPT_NUMBER,
	  .offset = offsetof(struct sim_args, depth),
	  .arg = "N",
	  .min = 1,
	  .max = 4096,
	  .help = "requests with the drive at once; default: as many as\n"
		  "it takes, 128 at most" },
	{ .name = "depth-bytes",
	  .type = OPT_SIZE,
	  .offset = offsetof(struct sim_args, depth_bytes),
	  .arg = "SIZE",
	  .min = 1,
	  .max = UINT64_MAX,
	  .help = "bytes with the drive at once; 8m by default" },
	{ .name = "nr-requests",
	  .type = OPT_NUMBER,
	  .offset = offsetof(struct sim_args, nr_requests),
	  .arg = "N",
	  .min = 1,
	  .max = 8192,
	  .help = "requests that the scheduler may choose from; default:\n"
		  "twice the depth" },
	{ .name = "window",
	  .type = OPT_TIME,
	  .offset = offsetof(struct sim_args, window_ns),
	  .arg = "TIME",
	  .min = 1,
	  .max = UINT64_MAX,
	  .help = "how often fairness is looked at; 100ms by default, and\n"
		  "not more than a million times in all" },
	{ .name = "iolog",
	  .type = OPT_STRING,
	  .offset = offsetof(struct sim_args, iolog),
	  .arg = "FILE",
	  .help = "instead of JOBS, replay the ios in FILE at their times:\n"
		  "blkparse's text, an iolog of fio, or CSV of MSR\n"
		  "Cambridge (SNIA)" },
	{ .name = "iolog-speed",
	  .type = OPT_STRING,
	  .offset = offsetof(struct sim_args, iolog_speed),
	  .arg = "N",
	  .help = "replay N times as fast (2x, 0.5), or max: whenever one\n"
		  "of --iolog-depth ios has ended" },
	{ .name = "iolog-depth",
	  .type = OPT_NUMBER,
	  .offset = offsetof(struct sim_args, iolog_depth),
	  .arg = "N",
	  .min = 1,
	  .max = 65536,
	  .help = "ios that each job keeps waiting at once where no time\n"
		  "tells; 32 by default" },
	{ .name = "series",
	  .type = OPT_STRING,
	  .offset = offsetof(struct sim_args, series),
	  .arg = "FILE",
	  .help = "write what each job did in each window, as CSV" },
	{ .name = "log",
	  .type = OPT_STRING,
	  .offset = offsetof(struct sim_args, log),
	  .arg = "FILE",
	  .help = "write each submission, decision and completion, as CSV" },
	JSON_OPTION(offsetof(struct sim_args, json)),
	OPT_END,
};

static int sim_print_device(const char *name)
{
	const char *text = sim_preset(name);

	if (!text)
		return report_usage("--print-device: \"%s\" is none of nvme, sata, hdd", name);
	fputs(text, stdout);
	return 0;
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
	int err;

	if (args->print_device)
		return sim_print_device(args->print_device);
	if (!n && !args->iolog)
		return report_usage("too few operands: which file has the jobs?");
	if (n && args->iolog)
		return report_usage("--iolog and JOBS: give one of them, or write read_iolog=%s in "
				    "a job",
				    args->iolog);
	if (!args->iolog && (args->iolog_speed || args->iolog_depth))
		return report_usage("--iolog-speed and --iolog-depth are for --iolog");
	err = sim_split_sets(&args->set, sets, text);
	if (!err)
		err = sim_with_jobs(args, n ? operands[0] : args->iolog, sets);
	for (size_t i = 0; i < args->set.count; i++)
		free(text[i]);
	return err;
}

const struct command command_sim = {
	.name = "sim",
	.path = COMMAND_PATH,
	.operands = "JOBS",
	.summary = "try schedulers on a simulated drive",
	.text = "Runs the jobs in the file JOBS (-: standard input) on a simulated drive, in "
		"virtual\n"
		"time: a minute takes seconds, and the same seed gives the same figures. Above\n"
		"the drive are the queue and the schedulers that real drives get. The command\n"
		"`weir sim --print-device hdd` prints a drive to change; docs/simulator.md tells\n"
		"what the models leave out.\n\n"
		"JOBS is in fio's syntax: a [section] for each job, and [global] for the ones "
		"below.\n"
		"  rw          read, write, randread, randwrite, rw, randrw, trim, randtrim,\n"
		"              trimwrite, randtrimwrite; rw=randread:8 jumps after each 8 ios\n"
		"  rwmixread, rwmixwrite\n"
		"              percent of either in rw and randrw: 50\n"
		"  bs, bsrange, bssplit\n"
		"              bytes of an io: 4k; 4k-64k; 4k/60:64k/40. Also for reads, writes\n"
		"              and trims apart: 4k,64k\n"
		"  iodepth     ios that it keeps waiting at once: 1\n"
		"  iodepth_batch, iodepth_batch_complete_min, iodepth_low\n"
		"              so many free slots, or ios left, before it submits again\n"
		"  numjobs     so many of this job: 1\n"
		"  offset, offset_increment, size\n"
		"              where it works: from 0 to the end; in bytes or percent. It ends\n"
		"              when it has moved size bytes\n"
		"  io_size, number_ios, loops\n"
		"              it ends when it has moved so much instead\n"
		"  random_distribution, percentage_random\n"
		"              random, zipf:1.2, pareto:0.2, normal:10; percent that jump\n"
		"  runtime, startdelay, ramp_time\n"
		"              seconds, or with a unit; the job ends after runtime at the latest,\n"
		"              of which ramp_time before it does not count\n"
		"  time_based  goes on until runtime is over\n"
		"  stonewall, exitall\n"
		"              waits for the jobs above; ends all when it ends\n"
		"  rate, rate_iops, rate_process\n"
		"              bytes or ios a second that each direction does not exceed on\n"
		"              average; linear, or poisson\n"
		"  thinktime, thinktime_blocks\n"
		"              pause after each io, or so many, microseconds or with a unit\n"
		"  fsync, fdatasync, sync\n"
		"              a flush after so many writes; writes go to the medium (FUA)\n"
		"  prioclass, prio\n"
		"              rt (1), be (2), idle (3), and 0 (high) to 7: be 4\n"
		"  weight      its share, 1 to 1000, where the scheduler has weights\n"
		"  submitter   jobs with the same number are one to the scheduler\n"
		"  background  nobody waits for its writes: they are asynchronous\n"
		"  read_iolog  its ios come from this log, at their times; replay_no_stall: as\n"
		"              fast as iodepth allows\n"
		"fio's other keys are taken with a note, so that job files need not be changed.\n",
	.examples = "weir sim --iolog trace.csv.gz --device hdd --sched all --iolog-speed 2x\n"
		    "weir sim jobs.fio --device sata --sched all\n"
		    "weir sim jobs.fio --sched bfq --window 1s --series out.csv\n"
		    "weir sim jobs.fio --device hdd --sched mq-deadline\n"
		    "weir sim jobs.fio --sched kyber --set read_lat_nsec=500000 --json\n"
		    "weir sim --print-device sata > mine.ini\n",
	.options = sim_options,
	.min_operands = 0,
	.max_operands = 1,
	.args_size = sizeof(struct sim_args),
	.defaults = &sim_defaults,
	.run = sim_run_command,
};
