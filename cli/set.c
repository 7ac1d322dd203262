/* SPDX-License-Identifier: Apache-2.0 */
/* set.c - `weir set`: changes settings that a store keeps. */
#include "cli/budget.h"
#include "cli/command.h"
#include "cli/opening.h"
#include "cli/report.h"

struct set_args {
	struct opening store;
	const char *budget;
	unsigned json;
};

static const struct opt set_options[] = {
	{ .name = "write-budget",
	  .type = OPT_STRING,
	  .offset = offsetof(struct set_args, budget),
	  .arg = "BUDGET",
	  .help = "write at most so much a day: 500GiB, or 1dwpd: the\n"
		  "capacity of the store once a day; off: as much as comes" },
	OPENING_OPTIONS(offsetof(struct set_args, store)),
	JSON_OPTION(offsetof(struct set_args, json)),
	OPT_END,
};

static int set_budget(struct weir_store *s, const char *path, uint64_t bytes, uint32_t percent)
{
	struct weir_store_info info = WEIR_STORE_INFO_INIT;

	if (weir_store_get_info(s, &info) < 0)
		return report_failed(path);
	if (percent)
		bytes = budget_of_capacity(info.capacity_bytes, percent);
	return weir_store_set_write_budget(s, bytes) < 0 ? report_failed(path) : 0;
}

/* Prints the settings that are in force. */
static int set_print(struct weir_store *s, const char *path, int json)
{
	struct weir_store_info info = WEIR_STORE_INFO_INIT;
	char text[80];

	if (weir_store_get_info(s, &info) < 0)
		return report_failed(path);
	if (json)
		return report_json(json_pack("{s:s, s:o, s:I}", "schema", "weir.set.v1", "path",
					     report_text(path), "write_budget_bytes",
					     (json_int_t)info.write_budget),
				   0);
	printf("%s: write budget: %s\n", path,
	       budget_words(info.write_budget, info.capacity_bytes, text, sizeof(text)));
	return 0;
}

static int set_run(void *arg, char **operands, int n)
{
	const struct set_args *args = arg;
	struct weir_store *s = NULL;
	uint64_t bytes;
	uint32_t percent;
	int exit_code;

	(void)n;
	if (!args->budget)
		return report_usage("nothing to set: weir set PATH --write-budget 1dwpd");
	exit_code = budget_parse(args->budget, &bytes, &percent);
	if (!exit_code)
		exit_code = opening_store(&s, operands[0], &args->store, 0);
	if (exit_code)
		return exit_code;
	exit_code = set_budget(s, operands[0], bytes, percent);
	if (!exit_code)
		exit_code = set_print(s, operands[0], args->json != 0);
	return opening_close(s, operands[0], exit_code);
}

const struct command command_set = {
	.name = "set",
	.path = COMMAND_PATH,
	.operands = "PATH",
	.summary = "change settings of a store: its write budget",
	.text = "Changes settings that the store on PATH keeps. With a write budget it admits "
		"puts\n"
		"only as far as it may write: over the budget a put fails with \"not admitted\", "
		"first\n"
		"those of keys that were not put before. Everything that is written counts. What "
		"one\n"
		"day leaves is kept for the next, no longer.\n",
	.examples = "weir set demo.img --write-budget 1dwpd\n"
		    "weir set /dev/nvme0n1p3 --write-budget 500GiB\n"
		    "weir set demo.img --write-budget off\n",
	.options = set_options,
	.min_operands = 1,
	.max_operands = 1,
	.args_size = sizeof(struct set_args),
	.run = set_run,
};
