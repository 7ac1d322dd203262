/* SPDX-License-Identifier: Apache-2.0 */
/*
 * step.c - `weir step`: reads events, one on each line, and drives a scheduler with them. See
 * step.h.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/parse.h"
#include "cli/apart.h"
#include "cli/command.h"
#include "cli/opening.h"
#include "cli/report.h"
#include "cli/step.h"
#include "text/text.h"

#define STEP_WORDS_MAX 16
#define STEP_LINE_MAX 65536u

struct step_args {
	const char *sched;
	struct opt_list set;
	unsigned merge, rotational, json;
	const char *nomerges; /* NULL: depends on `merge` */
};

static const struct opt step_options[] = {
	{ .name = "sched",
	  .letter = 's',
	  .type = OPT_STRING,
	  .offset = offsetof(struct step_args, sched),
	  .arg = "NAME",
	  .help = "the scheduler: none, mq-deadline, kyber, bfq,\n"
		  "noop, deadline, cfq, pace" },
	{ .name = "set",
	  .type = OPT_LIST,
	  .offset = offsetof(struct step_args, set),
	  .arg = "NAME=VALUE",
	  .help = "set a tunable before the first event, in its unit or\n"
		  "with one of your own (read_expire=250ms); may be given\n"
		  "several times" },
	{ .name = "merge",
	  .letter = 'm',
	  .type = OPT_FLAG,
	  .offset = offsetof(struct step_args, merge),
	  .help = "merge adjacent requests, up to 1280 KiB and 128 pieces" },
	{ .name = "nomerges",
	  .type = OPT_STRING,
	  .offset = offsetof(struct step_args, nomerges),
	  .arg = "LEVEL",
	  .help = "as in sysfs: 0 merges all (same as --merge), 1 only\n"
		  "requests that are found at once, 2 none (the default)" },
	{ .name = "rotational",
	  .letter = 'r',
	  .type = OPT_FLAG,
	  .offset = offsetof(struct step_args, rotational),
	  .help = "the imagined drive is a hard disk, for which bfq and\n"
		  "cfq decide differently (default: a drive without seeks)" },
	JSON_OPTION(offsetof(struct step_args, json)),
	OPT_END,
};

static int step_set_first(struct step *st, const struct opt_list *set)
{
	for (size_t i = 0; i < set->count; i++) {
		const char *value = strchr(set->values[i], '=');
		char name[64];

		if (!value || value - set->values[i] >= (int)sizeof(name))
			return report_usage("--set: \"%s\" is not NAME=VALUE", set->values[i]);
		snprintf(name, sizeof(name), "%.*s", (int)(value - set->values[i]), set->values[i]);
		if (step_set(st, name, value + 1) < 0)
			return report_usage("--set: %s", weir_error());
	}
	return 0;
}

/* Splits LINE into words; # begins a comment. Returns their number, or -EINVAL. */
static int step_split(char *line, char **words)
{
	char *save = NULL;
	int n = 0;

	for (char *w = strtok_r(line, " \t\r\n", &save); w && *w != '#';
	     w = strtok_r(NULL, " \t\r\n", &save)) {
		if (n == STEP_WORDS_MAX)
			return error_set(-EINVAL, "more than %d words", STEP_WORDS_MAX);
		words[n++] = w;
	}
	return n;
}

static int step_line(struct step *st, char *line)
{
	char *words[STEP_WORDS_MAX];
	int n = step_split(line, words);

	return n > 0 ? step_event(st, words, n) : n;
}

/* Handles the events of IN, until one is wrong. Returns 0 or -errno. */
static int step_events(struct step *st, struct text *in)
{
	char *line;
	size_t len;
	int err = 1;

	while (!ferror(stdout) && err > 0) {
		err = text_line(in, &line, &len);
		if (err <= 0)
			break;
		err = step_line(st, line);
		if (err < 0)
			return text_error(in, err, "%s", weir_error());
		err = 1;
	}
	return err < 0 ? err : 0;
}

int step_read(struct step *st, FILE *in)
{
	struct text text;
	int err = text_begin(&text, in, NULL, STEP_LINE_MAX);

	if (!err)
		err = step_events(st, &text);
	text_end(&text);
	return err;
}

/* Returns the exit code of a run that ended with ERR, and prints the error. */
static int step_report(int err)
{
	if (err == -ENOMEM || err == -EIO)
		return report_error("%s", weir_error());
	return err < 0 ? report_usage("%s", weir_error()) : 0;
}

static int step_merging(const struct step_args *args, enum sched_merging *merging)
{
	uint64_t nomerges = args->merge ? 0 : 2;

	if (args->nomerges && parse_number(args->nomerges, 0, 2, &nomerges) < 0)
		return report_usage("--nomerges: %s", weir_error());
	if (args->merge && nomerges == 2)
		return report_usage(
			"--merge and --nomerges 2 contradict each other: give one of them");
	*merging = (enum sched_merging)(SCHED_MERGING_ALL - nomerges);
	return 0;
}

static int step_run(void *arg, char **operands, int n)
{
	const struct step_args *args = arg;
	struct step_opts opts = { .sched = args->sched,
				  .rotational = args->rotational,
				  .json = args->json };
	struct step st;
	int exit_code;

	(void)operands;
	(void)n;
	if (!args->sched)
		return report_usage("--sched is missing: which scheduler?");
	exit_code = opening_check(&(struct opening){ .scheduler = args->sched });
	if (!exit_code)
		exit_code = apart_check_input("-");
	if (!exit_code)
		exit_code = step_merging(args, &opts.merging);
	if (exit_code)
		return exit_code;
	/* A program may wait for an answer before it sends the next event. */
	(void)setvbuf(stdout, NULL, _IOLBF, 0);
	if (step_open(&st, &opts) < 0)
		return report_error("out of memory");
	exit_code = step_set_first(&st, &args->set);
	if (!exit_code)
		exit_code = step_report(step_read(&st, stdin));
	step_close(&st);
	return exit_code;
}

const struct command command_step = {
	.name = "step",
	.operands = "--sched NAME < EVENTS",
	.summary = "drive a scheduler, event by event",
	.text = "Reads events from standard input and drives one scheduler, without a clock, a "
		"queue\n"
		"or a device: its decisions depend on the events only. Times T are in ns and "
		"never\n"
		"go backwards. Sectors have 512 bytes. An ID is any word. Before each event, time\n"
		"passes until its T, and timers fire.\n\n"
		"  insert T ID OP SECTOR NSECT [prio=be.4] [cpu=0] [submitter=1] [deadline=T]\n"
		"         [sync=0|1]\n"
		"                        a request arrives. OP is R, W, D (discard) or F (flush:\n"
		"                        it goes first, and the scheduler does not see it). "
		"sync=0\n"
		"                        marks a write that no program waits for. prio is rt, be "
		"or\n"
		"                        idle, with a level\n"
		"  dispatch T            asks for the next request: prints its ID, or none\n"
		"  complete T ID [lat=NS]\n"
		"                        the drive has completed it, NS after it got it (default:\n"
		"                        the time since its dispatch)\n"
		"  timer T               only lets time pass\n"
		"  set T NAME VALUE      sets a tunable; a value out of range is replaced by the\n"
		"                        nearest valid one, with a note\n"
		"  weight T SUBMITTER WEIGHT\n"
		"                        bfq: the share of a submitter, 1 to 1000\n"
		"  get NAME              prints a tunable\n"
		"  # ...                 is a comment\n\n"
		"Each answer is printed at once. With --merge, `merge ID INTO` is printed when a\n"
		"request is merged into another one. --rotational makes the drive a hard disk.\n",
	.examples = "printf 'insert 0 a W 0 8\\ninsert 0 b R 8 8\\ndispatch 0\\n' | "
		    "weir step --sched kyber\n"
		    "weir step --sched mq-deadline --set fifo_batch=4 --merge < events\n"
		    "weir step --sched bfq --rotational --nomerges 1 < events\n"
		    "echo get async_depth | weir step --sched mq-deadline\n",
	.options = step_options,
	.min_operands = 0,
	.max_operands = 0,
	.args_size = sizeof(struct step_args),
	.run = step_run,
};
