/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sim.c - `weir sim`: jobs on a simulated drive, in virtual time.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <weir/base.h>

#include "base/clock.h"
#include "cli/command.h"
#include "cli/opening.h"
#include "cli/report.h"
#include "cli/sim.h"

#define SIM_PROGRESS_NS (200 * NSEC_PER_MSEC)

struct sim_args {
	const char *device, *sched, *print_device;
	struct opt_list set;
	uint64_t seed, depth, depth_bytes, nr_requests, window_ns;
	unsigned json;
};

static const struct sim_args sim_defaults = {
	.device = "nvme",
	.sched = "none",
	.seed = 1,
	.window_ns = 100 * NSEC_PER_MSEC,
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
		  "bfq, noop, deadline, cfq" },
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
	  .max = UINT64_MAX,
	  .help = "what chance is made from; 1 by default. The same seed\n"
		  "gives the same results, bit for bit" },
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
	  .help = "how often fairness is looked at; 100ms by default" },
	JSON_OPTION(offsetof(struct sim_args, json)),
	OPT_END,
};

/* The file or what it says is wrong. */
static int sim_failed(int err, const char *path)
{
	if (err == -EINVAL || err == -EOPNOTSUPP)
		return report_usage("%s", weir_error());
	return report_failed(path);
}

static int sim_print_device(const char *name)
{
	const char *text = sim_preset(name);

	if (!text)
		return report_usage("--print-device: \"%s\" is none of nvme, sata, hdd", name);
	fputs(text, stdout);
	return 0;
}

/* Cuts NAME=VALUE apart. TEXT gets the memory that both are in. */
static int sim_cut_sets(const struct opt_list *list, struct sim_set *sets, char **text)
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

static void sim_progress(void *user, uint64_t done_ns, uint64_t total_ns)
{
	uint64_t *next_ns = user, now = clock_now();

	if (now < *next_ns)
		return;
	*next_ns = now + SIM_PROGRESS_NS;
	fprintf(stderr, "\r\033[K%.1f", (double)done_ns / 1e9);
	if (total_ns)
		fprintf(stderr, " of %.1f", (double)total_ns / 1e9);
	fprintf(stderr, " s of virtual time");
	fflush(stderr);
}

static int sim_simulate(struct sim_run_opts opts, const struct sim_args *args)
{
	uint64_t next_ns = clock_now() + SIM_PROGRESS_NS;
	struct sim_result result;
	int err, ret;

	if (isatty(STDERR_FILENO)) {
		opts.progress = sim_progress;
		opts.user = &next_ns;
	}
	err = sim_run(&result, &opts);
	if (opts.progress)
		fprintf(stderr, "\r\033[K");
	if (err)
		return sim_failed(err, opts.jobs->path);
	ret = (args->json ? sim_report_json : sim_report_print)(
		&(struct sim_report){ .device = args->device, .opts = &opts, .result = &result });
	sim_result_free(&result);
	return ret;
}

static int sim_with_jobs(const struct sim_args *args, const char *path, struct sim_run_opts opts)
{
	struct sim_config config;
	struct sim_jobs jobs;
	FILE *in;
	int err;

	err = sim_config_load(&config, args->device);
	if (err)
		return sim_failed(err, args->device);
	in = strcmp(path, "-") ? fopen(path, "r") : stdin;
	if (!in)
		return report_error("%s: %s", path, strerror(errno));
	err = sim_jobs_read(&jobs, in, strcmp(path, "-") ? path : "standard input");
	if (in != stdin)
		fclose(in);
	if (err)
		return sim_failed(err, path);
	opts.config = &config;
	opts.jobs = &jobs;
	err = sim_simulate(opts, args);
	sim_jobs_free(&jobs);
	return err;
}

static int sim_run_command(void *arg, char **operands, int n)
{
	const struct sim_args *args = arg;
	struct sim_set sets[OPT_LIST_MAX];
	char *text[OPT_LIST_MAX] = { NULL };
	struct sim_run_opts opts = {
		.scheduler = args->sched,
		.sets = sets,
		.nr_sets = args->set.count,
		.seed = args->seed,
		.depth = args->depth,
		.depth_bytes = args->depth_bytes,
		.nr_requests = args->nr_requests,
		.window_ns = args->window_ns,
	};
	int ret;

	if (args->print_device)
		return sim_print_device(args->print_device);
	if (!n)
		return report_usage("too few operands: which file has the jobs?");
	if (!args->window_ns)
		return report_usage("--window: 0 is no time");
	ret = opening_check(&(struct opening){ .scheduler = args->sched });
	if (!ret)
		ret = sim_cut_sets(&args->set, sets, text);
	if (!ret)
		ret = sim_with_jobs(args, operands[0], opts);
	for (size_t i = 0; i < args->set.count; i++)
		free(text[i]);
	return ret;
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
		"  rw          read, write, randread, randwrite, rw, randrw, trim, randtrim\n"
		"  rwmixread   percent of reads in rw and randrw: 50\n"
		"  bs          bytes of an io: 4k\n"
		"  iodepth     ios that it keeps waiting at once: 1\n"
		"  numjobs     so many of this job: 1\n"
		"  offset, size\n"
		"              where it works: from 0 to the end; it ends when it has moved size\n"
		"  runtime, startdelay\n"
		"              seconds, or with a unit; the job ends after runtime at the latest\n"
		"  time_based  goes on until runtime is over\n"
		"  rate, rate_iops\n"
		"              bytes or ios a second that it does not exceed on average\n"
		"  thinktime   pause after each io, microseconds or with a unit\n"
		"  prioclass, prio\n"
		"              rt (1), be (2), idle (3), and 0 (high) to 7: be 4\n"
		"  weight      its share, 1 to 1000, where the scheduler has weights\n"
		"  submitter   jobs with the same number are one to the scheduler\n"
		"  background  nobody waits for its writes: they are asynchronous\n",
	.examples = "weir sim jobs.fio --device hdd --sched mq-deadline\n"
		    "weir sim jobs.fio --sched kyber --set read_lat_nsec=500000 --json\n"
		    "weir sim --print-device sata > mine.ini\n",
	.options = sim_options,
	.min_operands = 0,
	.max_operands = 1,
	.args_size = sizeof(struct sim_args),
	.defaults = &sim_defaults,
	.run = sim_run_command,
};
