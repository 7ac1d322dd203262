/* SPDX-License-Identifier: Apache-2.0 */
/* bench.c - `weir bench`: the list of what it measures; each part is a file of its own. */
#include <string.h>

#include "base/suggest.h"
#include "cli/bench.h"
#include "cli/command.h"
#include "cli/report.h"

#define BENCH_PARTS_MAX 16

struct bench_args {
	unsigned unused;
};

static const struct opt bench_options[] = { OPT_END };

static const struct command *const bench_parts[] = {
	&command_bench_layer,	&command_bench_run,
	&command_bench_tails,	&command_bench_fairness,
	&command_bench_scale,	&command_bench_isolation,
	&command_bench_recover, &command_bench_store,
	&command_bench_probe,	NULL
};

static int bench_run(void *arg, char **operands, int n)
{
	const char *names[BENCH_PARTS_MAX];
	const char *near;
	size_t count = 0;

	(void)arg;
	if (!n)
		return report_usage("name what to measure: weir bench layer, for example");
	for (; bench_parts[count]; count++)
		names[count] = command_word(bench_parts[count]);
	near = suggest_nearest(operands[0], strlen(operands[0]), names, count);
	if (near)
		return report_usage("unknown part \"%s\": did you mean \"%s\"?", operands[0], near);
	return report_usage("unknown part \"%s\": `weir help bench` lists all", operands[0]);
}

const struct command command_bench = {
	.name = "bench",
	.operands = "PART [options] ...",
	.summary = "measure the layer, a drive, schedulers, a store",
	.text = "Measures on this machine. What is compared runs in turn, in several rounds of one "
		"run, and\n"
		"each figure is the median of the rounds, with their range. A run in which the "
		"thread that\n"
		"submits was busy all the time is marked: it shows the processor, not the drive.\n"
		"Nothing is overwritten without --force; a file that does not exist is made and "
		"removed.\n"
		"--trace writes what each io went through; `weir top PATH` watches meanwhile.\n"
		"`weir help bench PART` says more about each PART:\n",
	.examples = "weir bench layer --sched none,bfq --depth 32\n"
		    "weir bench run jobs.fio /mnt/file --compare none,pace --with-fio\n"
		    "weir bench tails /dev/nvme0n1 --force\n"
		    "weir help bench layer\n",
	.options = bench_options,
	.parts = bench_parts,
	.min_operands = 0,
	.max_operands = -1,
	.args_size = sizeof(struct bench_args),
	.run = bench_run,
};
