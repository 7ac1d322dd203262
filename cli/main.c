/* SPDX-License-Identifier: Apache-2.0 */
/*
 * main.c - the `weir` command: finds the subcommand and runs it. Exit codes: 0: success; 1: the
 * command failed (or a key was not in the store); 2: the command line was wrong.
 */
#include <stdbool.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include <weir/base.h>

#include "cli/await.h"
#include "cli/command.h"
#include "cli/names.h"
#include "cli/report.h"

static int main_unknown(const char *name)
{
	const struct command *near = command_nearest(name);
	const char *elsewhere = command_elsewhere(name);

	if (elsewhere)
		return report_usage("no command \"%s\" here: %s", name, elsewhere);
	if (*name == '-')
		return report_usage("unknown option %s: options of a command stand behind its "
				    "name: weir COMMAND [options] ...",
				    name);
	if (near)
		return report_usage("unknown command \"%s\": did you mean \"%s\"?", name,
				    near->name);
	return report_usage("unknown command \"%s\"", name);
}

/*
 * Returns true if --json, or a shortened form that getopt accepts, is among the words. The answer
 * is needed before the words are parsed, so that errors in them can be printed as JSON too.
 */
static bool main_wants_json(int argc, char **argv)
{
	for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
		if (strlen(argv[i]) > 2 && !strncmp(argv[i], "--json", strlen(argv[i])))
			return true;
	return false;
}

int main(int argc, char **argv)
{
	const struct command *cmd;

	/* a write beyond ulimit -f returns an error, which can be printed */
	signal(SIGXFSZ, SIG_IGN);
	report_watch_stdout();
	await_begin();
	names_begin();
	if (main_wants_json(argc, argv))
		report_set_json();
	if (argc < 2) {
		command_print_overview(stderr);
		return REPORT_USAGE;
	}
	if (!strcmp(argv[1], "--version")) {
		printf("weir %s\n", weir_version());
		return report_finish(0);
	}
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h")) {
		command_print_overview(stdout);
		return report_finish(0);
	}
	cmd = command_find(argv[1]);
	return cmd ? command_run(cmd, argc - 1, argv + 1) : main_unknown(argv[1]);
}
