/* SPDX-License-Identifier: Apache-2.0 */
/* ls.c - `weir ls`: prints the keys of a store, stream by stream, oldest first. */
#include <inttypes.h>

#include "cli/command.h"
#include "cli/key.h"
#include "cli/report.h"
#include "cli/source.h"

struct ls_args {
	struct opening store;
	unsigned long_form;
	unsigned escaped;
	unsigned json;
};

static const struct opt ls_options[] = {
	{ .name = "long",
	  .letter = 'l',
	  .type = OPT_FLAG,
	  .offset = offsetof(struct ls_args, long_form),
	  .help = "print the length of each value in bytes, and its\n"
		  "sequence number, in front of the key" },
	{ .name = "escaped",
	  .letter = 'e',
	  .type = OPT_FLAG,
	  .offset = offsetof(struct ls_args, escaped),
	  .help = "PREFIX is written as `weir ls` prints keys" },
	OPENING_OPTIONS(offsetof(struct ls_args, store)),
	JSON_OPTION(offsetof(struct ls_args, json)),
	OPT_END,
};

#define LS_STOPPED 1 /* stdout failed, so the listing stops */

static int ls_entry_json(const struct weir_store_entry *e, const char *text)
{
	return report_json(json_pack("{s:s, s:s, s:I, s:I, s:I}", "schema", "weir.ls.v1", "key",
				     text, "value_bytes", (json_int_t)e->value_len, "sequence",
				     (json_int_t)e->sequence, "stream", (json_int_t)e->stream),
			   1);
}

/* Says how many keys are missing, of those with any prefix. */
static void ls_missing_json(const struct weir_store_list_counts *counts)
{
	report_json(json_pack("{s:s, s:I, s:I}", "schema", "weir.ls-missing.v1", "hidden",
			      (json_int_t)counts->hidden, "unread", (json_int_t)counts->unread),
		    1);
}

static int ls_entry(const struct weir_store_entry *e, void *user)
{
	const struct ls_args *args = user;
	char text[KEY_TEXT_MAX];

	key_escape(e->key, e->key_len, text);
	if (args->json)
		return ls_entry_json(e, text) ? LS_STOPPED : 0;
	if (args->long_form)
		printf("%12" PRIu64 " %12" PRIu64 "  ", e->value_len, e->sequence);
	printf("%s\n", text);
	return ferror(stdout) ? LS_STOPPED : 0;
}

static int ls_run(void *arg, char **operands, int n)
{
	struct ls_args *args = arg;
	struct weir_list_opts opts = WEIR_LIST_OPTS_INIT;
	struct weir_store_list_counts counts = WEIR_STORE_LIST_COUNTS_INIT;
	struct key prefix;
	struct source src;
	int err, exit_code;

	if (n > 1) {
		if (key_read(&prefix, operands[1], args->escaped != 0) < 0)
			return report_usage("the prefix: %s", weir_error());
		opts.prefix = prefix.bytes;
		opts.prefix_len = prefix.len;
	}
	exit_code = source_open(&src, operands[0], &args->store);
	if (exit_code)
		return exit_code;
	err = source_list(&src, &opts, ls_entry, args, &counts);
	if (args->json && (counts.hidden || counts.unread))
		ls_missing_json(&counts);
	if (err < 0)
		exit_code = report_failed(operands[0]);
	else if (err == LS_STOPPED)
		exit_code = REPORT_FAILED;
	return source_close(&src, exit_code);
}

const struct command command_ls = {
	.name = "ls",
	.alias = "list",
	.path = COMMAND_STORE,
	.operands = "PATH [PREFIX]",
	.summary = "list the keys",
	.text = "Lists the keys of the store on PATH that begin with PREFIX (default: all), "
		"stream\n"
		"by stream, oldest first. Bytes that a terminal cannot show are printed as "
		"\\xNN, and\n"
		"a backslash as \\\\; put, get, del and stat --why read this form with "
		"--escaped. With\n"
		"--json, each key is one object on a line.\n"
		"Keys are read from the headers of batches. If some of these are damaged or\n"
		"cannot be read, the others are listed; then it says how many keys are missing,\n"
		"and the exit code is 1.\n",
	.examples = "weir ls demo.img\n"
		    "weir ls -l demo.img\n"
		    "weir ls demo.img user/42/\n"
		    "weir ls --json demo.img | jq .key\n",
	.options = ls_options,
	.min_operands = 1,
	.max_operands = 2,
	.args_size = sizeof(struct ls_args),
	.run = ls_run,
};
