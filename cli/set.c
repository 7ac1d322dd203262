/* SPDX-License-Identifier: Apache-2.0 */
/* set.c - `weir set`: changes settings that a store keeps. */
#include "cli/budget.h"
#include "cli/command.h"
#include "cli/marks.h"
#include "cli/opening.h"
#include "cli/report.h"

struct set_args {
	struct opening store;
	const char *budget, *free_low, *free_high;
	unsigned json;
};

static const struct opt set_options[] = {
	{ .name = "write-budget",
	  .type = OPT_STRING,
	  .offset = offsetof(struct set_args, budget),
	  .arg = "BUDGET",
	  .help = "write at most so much a day: 500GiB, or 1dwpd: the\n"
		  "capacity of the store once a day; off: as much as comes" },
	{ .name = "free-low",
	  .type = OPT_STRING,
	  .offset = offsetof(struct set_args, free_low),
	  .arg = "PERCENT",
	  .help = "reclaim segments in the background when fewer than\n"
		  "these are free; off: only when puts wait" },
	{ .name = "free-high",
	  .type = OPT_STRING,
	  .offset = offsetof(struct set_args, free_high),
	  .arg = "PERCENT",
	  .help = "... until these are free, as far as there is garbage\n"
		  "(default twice --free-low)" },
	OPENING_OPTIONS(offsetof(struct set_args, store)),
	JSON_OPTION(offsetof(struct set_args, json)),
	OPT_END,
};

/* What the options ask for. */
struct set_wish {
	uint64_t bytes; /* of the budget, or so many percent of the capacity */
	uint32_t percent;
	uint32_t low, high; /* the marks */
};

static int set_budget(struct weir_store *s, const char *path, const struct set_wish *wish)
{
	struct weir_store_info info = WEIR_STORE_INFO_INIT;
	uint64_t bytes = wish->bytes;

	if (weir_store_get_info(s, &info) < 0)
		return report_failed(path);
	if (wish->percent)
		bytes = budget_of_capacity(info.capacity_bytes, wish->percent);
	return weir_store_set_write_budget(s, bytes) < 0 ? report_failed(path) : 0;
}

/* Prints the settings that are in force. */
static int set_print(struct weir_store *s, const char *path, int json)
{
	struct weir_store_info info = WEIR_STORE_INFO_INIT;
	char budget[80], marks[80];

	if (weir_store_get_info(s, &info) < 0)
		return report_failed(path);
	if (json)
		return report_json(json_pack("{s:s, s:o, s:I, s:I, s:I}", "schema", "weir.set.v1",
					     "path", report_text(path), "write_budget_bytes",
					     (json_int_t)info.write_budget, "free_low",
					     (json_int_t)info.free_low, "free_high",
					     (json_int_t)info.free_high),
				   0);
	printf("%s: write budget: %s; kept free: %s\n", path,
	       budget_words(info.write_budget, info.capacity_bytes, budget, sizeof(budget)),
	       marks_words(&info, marks, sizeof(marks)));
	return 0;
}

/* Reads the options. Returns 0 or an exit code. */
static int set_read(const struct set_args *args, struct set_wish *wish)
{
	int exit_code = 0;

	if (!args->budget && !args->free_low && !args->free_high)
		return report_usage("nothing to set: weir set PATH --write-budget 1dwpd, or "
				    "--free-low 2%%; `weir stat PATH` shows what is set");
	if (args->budget)
		exit_code = budget_parse(args->budget, &wish->bytes, &wish->percent);
	if (exit_code)
		return exit_code;
	return marks_parse(args->free_low, args->free_high, &wish->low, &wish->high);
}

static int set_all(struct weir_store *s, const struct set_args *args, const struct set_wish *wish,
		   const char *path)
{
	int exit_code = args->budget ? set_budget(s, path, wish) : 0;

	if (!exit_code && (args->free_low || args->free_high) &&
	    weir_store_set_free_marks(s, wish->low, wish->high) < 0)
		exit_code = report_failed(path);
	return exit_code ? exit_code : set_print(s, path, args->json != 0);
}

static int set_run(void *arg, char **operands, int n)
{
	const struct set_args *args = arg;
	struct set_wish wish = { 0 };
	struct weir_store *s = NULL;
	int exit_code = set_read(args, &wish);

	(void)n;
	if (!exit_code)
		exit_code = opening_store(&s, operands[0], &args->store, 0);
	if (exit_code)
		return exit_code;
	return opening_close(s, operands[0], set_all(s, args, &wish, operands[0]));
}

const struct command command_set = {
	.name = "set",
	.path = COMMAND_PATH,
	.operands = "PATH",
	.summary = "change settings of a store: write budget, free segments",
	.text = "Changes settings that the store on PATH keeps. With a write budget it admits "
		"puts\n"
		"only as far as it may write: over the budget a put fails with \"not admitted\", "
		"first\n"
		"those of keys that were not put before. Everything that is written counts. What "
		"one\n"
		"day leaves is kept for the next, no longer.\n"
		"\n"
		"The marks of free segments say how much space is ready before puts ask for it: "
		"more of\n"
		"it suits bursts, and leaves less for values.\n",
	.examples = "weir set demo.img --write-budget 1dwpd\n"
		    "weir set /dev/nvme0n1p3 --write-budget 500GiB\n"
		    "weir set demo.img --write-budget off\n"
		    "weir set demo.img --free-low 5% --free-high 10%   # for bursts of puts\n",
	.options = set_options,
	.min_operands = 1,
	.max_operands = 1,
	.args_size = sizeof(struct set_args),
	.run = set_run,
};
