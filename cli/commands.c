/* SPDX-License-Identifier: Apache-2.0 */
/* commands.c - the table of subcommands; runs a subcommand and prints its help. One thread. */
#include <stdlib.h>
#include <string.h>

#include <weir/base.h>

#include "cli/apart.h"
#include "cli/command.h"
#include "cli/default.h"
#include "cli/report.h"
#include "base/suggest.h"

const struct command *const command_table[] = {
	&command_info,	 &command_doctor, &command_fdp,	   &command_format, &command_put,
	&command_get,	 &command_ls,	  &command_del,	   &command_stat,   &command_top,
	&command_replay, &command_fsck,	  &command_scrub,  &command_export, &command_import,
	&command_dump,	 &command_tenant, &command_set,	   &command_sched,  &command_step,
	&command_sim,	 &command_bench,  &command_report, &command_help,   NULL,
};

#define COMMAND_COUNT (sizeof(command_table) / sizeof(command_table[0]) - 1)

const struct command *command_find(const char *name)
{
	for (size_t i = 0; i < COMMAND_COUNT; i++)
		if (!strcmp(command_table[i]->name, name) ||
		    (command_table[i]->alias && !strcmp(command_table[i]->alias, name)))
			return command_table[i];
	return NULL;
}

const char *command_word(const struct command *part)
{
	const char *space = strrchr(part->name, ' ');

	return space ? space + 1 : part->name;
}

const struct command *command_part(const struct command *cmd, const char *word)
{
	for (const struct command *const *part = cmd->parts; part && *part; part++)
		if (!strcmp(command_word(*part), word))
			return *part;
	return NULL;
}

const struct command *command_nearest(const char *name)
{
	const char *names[COMMAND_COUNT];
	const char *near;

	for (size_t i = 0; i < COMMAND_COUNT; i++)
		names[i] = command_table[i]->name;
	near = suggest_nearest(name, strlen(name), names, COMMAND_COUNT);
	return near ? command_find(near) : NULL;
}

const char *command_elsewhere(const char *name)
{
	if (strcmp(name, "migrate") != 0)
		return NULL;
	return "it belongs to the package weir-kv for Python: install that (`make wheel`, then "
	       "pip install python/dist/weir_kv-*.whl), and use its weir, or "
	       "python3 -m weir_kv.migrate";
}

static int command_check_operands(const struct command *cmd, char **operands, int n)
{
	if (n < cmd->min_operands)
		return report_usage("too few operands: weir %s %s", cmd->name, cmd->operands);
	if (cmd->max_operands >= 0 && n > cmd->max_operands)
		return report_usage("unexpected operand \"%s\": weir %s%s%s",
				    operands[cmd->max_operands], cmd->name,
				    *cmd->operands ? " " : "", cmd->operands);
	return 0;
}

/* Checks the number of operands and runs CMD. Returns the exit code. */
static int command_call(const struct command *cmd, void *args, char **operands, int n)
{
	int exit_code = command_check_operands(cmd, operands, n);

	if (!exit_code)
		exit_code = apart_check_command(cmd, args, operands, n);
	return exit_code ? exit_code : cmd->run(args, operands, n);
}

/*
 * Does the same as command_call(), but first inserts the default store before the operands where
 * the user left it out.
 */
static int command_complete(const struct command *cmd, void *args, char **operands, int n)
{
	char **all, *path;
	int exit_code;

	if (!default_is_wanted(cmd, operands, n))
		return command_call(cmd, args, operands, n);
	all = calloc((size_t)n + 2, sizeof(*all));
	path = strdup(default_store());
	if (all && path) {
		all[0] = path;
		memcpy(all + 1, operands, (size_t)n * sizeof(*all));
		exit_code = command_call(cmd, args, all, n + 1);
	} else {
		exit_code = report_error("out of memory");
	}
	free(path);
	free(all);
	return exit_code;
}

/* Parses ARGV and runs CMD, and none of its parts. */
static int command_run_itself(const struct command *cmd, int argc, char **argv)
{
	void *args = calloc(1, cmd->args_size);
	int first = 0, parsed, exit_code;

	report_set_command(cmd->name);
	if (!args)
		return report_error("out of memory");
	if (cmd->defaults)
		memcpy(args, cmd->defaults, cmd->args_size);
	parsed = opt_parse(cmd->options, args, argc, argv, &first);
	if (parsed < 0) {
		exit_code = report_usage("%s", weir_error());
	} else if (parsed > 0) {
		command_print_help(cmd, stdout);
		exit_code = REPORT_OK;
	} else {
		exit_code = command_complete(cmd, args, argv + first, argc - first);
	}
	free(args);
	return report_finish(exit_code);
}

int command_run(const struct command *cmd, int argc, char **argv)
{
	const struct command *part = argc > 1 ? command_part(cmd, argv[1]) : NULL;

	/* Options behind a word that is no part are of no part either: the word is what is wrong.
	 */
	if (!part && cmd->parts && argc > 2 && *argv[1] != '-')
		argc = 2;
	return part ? command_run_itself(part, argc - 1, argv + 1)
		    : command_run_itself(cmd, argc, argv);
}

void command_print_help(const struct command *cmd, FILE *out)
{
	fprintf(out, "usage: weir %s [options]%s%s\n\n%s", cmd->name, *cmd->operands ? " " : "",
		cmd->operands, cmd->text);
	if (cmd->alias)
		fprintf(out, "`weir %s` is the same command.\n", cmd->alias);
	for (const struct command *const *part = cmd->parts; part && *part; part++)
		fprintf(out, "  %-9s %s\n", command_word(*part), (*part)->summary);
	fprintf(out, "\nOptions:\n");
	opt_print_help(cmd->options, out);
	fprintf(out, "\nExamples:\n");
	for (const char *line = cmd->examples; *line;) {
		const char *end = strchr(line, '\n');

		fprintf(out, "  %.*s\n", (int)(end - line), line);
		line = end + 1;
	}
}

static void command_print_line(const struct command *cmd, FILE *out)
{
	fprintf(out, "  %-8s %s", cmd->name, cmd->summary);
	if (cmd->alias)
		fprintf(out, " (also: %s)", cmd->alias);
	fputc('\n', out);
}

static void command_print_examples(FILE *out)
{
	fprintf(out, "\nA first look:\n"
		     "  weir format demo.img --size 1g\n"
		     "  echo hello | weir put demo.img greeting\n"
		     "  weir get demo.img greeting\n"
		     "  weir replay synthetic --store demo.img --verify\n");
}

void command_print_overview(FILE *out)
{
	fprintf(out, "usage: weir COMMAND [options] ...\n\n"
		     "A block layer in user space and a crash-safe key-value store on top of it.\n"
		     "PATH is a file, a block device, or an NVMe drive such as "
		     "/dev/ng0n1.\n\nCommands:\n");
	for (size_t i = 0; i < COMMAND_COUNT; i++)
		command_print_line(command_table[i], out);
	/* Somebody who made a mistake gets no more than fits on a small terminal. */
	if (out == stdout)
		command_print_examples(out);
	fprintf(out, "\nIf PATH is left out, commands use the store that WEIR_STORE names.\n"
		     "`weir help COMMAND` says more; `weir --version` prints the version.\n");
}
