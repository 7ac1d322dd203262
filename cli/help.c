/* SPDX-License-Identifier: Apache-2.0 */
/*
 * help.c - `weir help`: prints the help of commands, and writes a shell completion script from
 * their table.
 */
#include <string.h>

#include "cli/command.h"
#include "cli/report.h"

struct help_args {
	unsigned bash;
};

static const struct opt help_options[] = {
	{ .name = "bash-completion",
	  .type = OPT_FLAG,
	  .offset = offsetof(struct help_args, bash),
	  .help = "print completion for bash, to be sourced" },
	OPT_END,
};

static void help_bash_options(const struct command *cmd)
{
	printf("\t%s%s%s) words=\"", cmd->name, cmd->alias ? "|" : "",
	       cmd->alias ? cmd->alias : "");
	for (const struct opt *o = cmd->options; o->name; o++)
		printf("--%s ", o->name);
	printf("--help\" ;;\n");
}

static void help_bash_completion(void)
{
	printf("# bash completion for weir\n"
	       "_weir()\n{\n"
	       "\tlocal words cur=${COMP_WORDS[COMP_CWORD]}\n"
	       "\tCOMPREPLY=()\n"
	       "\tif [[ $COMP_CWORD == 1 || ( $COMP_CWORD == 2 && ${COMP_WORDS[1]} == help ) ]]; "
	       "then\n"
	       "\t\twords=\"");
	for (const struct command *const *c = command_table; *c; c++)
		printf("%s ", (*c)->name);
	printf("\"\n\t\tCOMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n\t\treturn\n\tfi\n"
	       "\t[[ $cur == -* ]] || return\n"
	       "\tcase ${COMP_WORDS[1]} in\n");
	for (const struct command *const *c = command_table; *c; c++)
		help_bash_options(*c);
	printf("\tesac\n\tCOMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n}\n"
	       "complete -o default -F _weir weir\n");
}

static int help_run(void *arg, char **operands, int n)
{
	const struct help_args *args = arg;
	const struct command *cmd;

	if (args->bash) {
		help_bash_completion();
		return 0;
	}
	if (!n) {
		command_print_overview(stdout);
		return 0;
	}
	cmd = command_find(operands[0]);
	if (cmd) {
		command_print_help(cmd, stdout);
		return 0;
	}
	cmd = command_nearest(operands[0]);
	if (cmd)
		return report_usage("there is no command \"%s\": did you mean \"%s\"?", operands[0],
				    cmd->name);
	return report_usage("there is no command \"%s\"", operands[0]);
}

const struct command command_help = {
	.name = "help",
	.operands = "[COMMAND]",
	.summary = "explain a command",
	.text = "Explains COMMAND: what it does, its options, examples. Without COMMAND, lists "
		"all.\n",
	.examples = "weir help replay\n"
		    "source <(weir help --bash-completion)\n",
	.options = help_options,
	.min_operands = 0,
	.max_operands = 1,
	.args_size = sizeof(struct help_args),
	.run = help_run,
};
