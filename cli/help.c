/* SPDX-License-Identifier: Apache-2.0 */
/*
 * help.c - `weir help`: prints the help of commands, and writes a shell completion script from
 * their table.
 */
#include <ctype.h>
#include <string.h>

#include <weir/engine.h>

#include "cli/command.h"
#include "cli/report.h"
#include "sched/sched.h"

struct help_args {
	unsigned bash;
};

static const struct opt help_options[] = {
	{ .name = "bash-completion",
	  .type = OPT_FLAG,
	  .offset = offsetof(struct help_args, bash),
	  .help = "print the completion script for bash, to be sourced" },
	OPT_END,
};

static void help_bash_engines(void)
{
	size_t n;
	const struct weir_named *engine = weir_engines(&n);

	printf("auto");
	for (size_t i = 0; i < n; i++)
		printf(" %s", engine[i].name);
}

static void help_bash_scheds(void)
{
	for (const struct sched_ops *const *s = sched_table; *s; s++)
		printf("%s%s", s == sched_table ? "" : " ", (*s)->name);
}

/* Prints the words of ARG ("none|stream"); those in capitals stand for something else. */
static void help_bash_words(const char *arg)
{
	const char *between = "";

	while (*arg) {
		size_t length = strcspn(arg, "|");

		if (islower((unsigned char)*arg)) {
			printf("%s%.*s", between, (int)length, arg);
			between = " ";
		}
		arg += length;
		arg += *arg == '|';
	}
}

static bool help_has_words(const struct opt *o)
{
	return !strcmp(o->name, "engine") || !strcmp(o->name, "sched") ||
	       (o->arg && strchr(o->arg, '|'));
}

/* Prints the case of the option O, whose values are a few names. */
static void help_bash_values(const struct opt *o)
{
	printf("\t\t--%s", o->name);
	if (o->letter)
		printf(" | -%c", o->letter);
	printf(") words=\"");
	if (!strcmp(o->name, "engine"))
		help_bash_engines();
	else if (!strcmp(o->name, "sched"))
		help_bash_scheds();
	else
		help_bash_words(o->arg);
	printf("\" ;;\n");
}

/* Prints the options of CMD, and the case of each option whose values are a few names. */
static void help_bash_options(const struct command *cmd)
{
	bool words = false;

	printf("\t%s%s%s)\n\t\toptions=\"", command_word(cmd), cmd->alias ? " | " : "",
	       cmd->alias ? cmd->alias : "");
	for (const struct opt *o = cmd->options; o->name; o++) {
		printf("--%s ", o->name);
		words |= help_has_words(o);
	}
	printf("--help\"\n%s", words ? "\t\tcase $prev in\n" : "");
	for (const struct opt *o = cmd->options; o->name; o++)
		if (help_has_words(o))
			help_bash_values(o);
	printf("%s", words ? "\t\tesac\n" : "");
}

/* Prints the words that name the parts of CMD, and their options. */
static void help_bash_parts(const struct command *cmd)
{
	printf("\t\t[[ $COMP_CWORD != 2 || $cur == -* ]] || words=\"");
	for (const struct command *const *part = cmd->parts; *part; part++)
		printf("%s%s", part == cmd->parts ? "" : " ", command_word(*part));
	printf("\"\n\t\tcase ${COMP_WORDS[2]} in\n");
	for (const struct command *const *part = cmd->parts; *part; part++) {
		help_bash_options(*part);
		printf("\t\t;;\n");
	}
	printf("\t\tesac\n");
}

static void help_bash_command(const struct command *cmd)
{
	help_bash_options(cmd);
	if (cmd->parts)
		help_bash_parts(cmd);
	printf("\t\t;;\n");
}

/* What bash splits at the '=' of --engine=NAME is taken as if it were --engine NAME. */
static const char help_bash_begin[] =
	"# bash completion for weir: written by `weir help --bash-completion`\n"
	"_weir()\n{\n"
	"\tlocal words= options= cur=${COMP_WORDS[COMP_CWORD]}"
	" prev=${COMP_WORDS[COMP_CWORD - 1]}\n"
	"\tCOMPREPLY=()\n"
	"\t[[ $prev != = ]] || prev=${COMP_WORDS[COMP_CWORD - 2]}\n"
	"\t[[ $cur != = ]] || cur=\n"
	"\tif [[ $COMP_CWORD == 1 && $cur == -* ]]; then\n"
	"\t\toptions=\"--help --version\"\n"
	"\telif [[ $COMP_CWORD == 1 ||"
	" ( $COMP_CWORD == 2 && ${COMP_WORDS[1]} == help && $cur != -* ) ]]; then\n"
	"\t\twords=\"";

static const char help_bash_end[] =
	"\tesac\n"
	"\tif [[ -n $words || $cur == -* ]]; then\n"
	"\t\tCOMPREPLY=($(compgen -W \"${words:-$options}\" -- \"$cur\"))\n"
	"\tfi\n}\n"
	"complete -o default -F _weir weir\n";

/* After `help`, the parts of a command that has some. */
static void help_bash_parts_of_help(void)
{
	for (const struct command *const *c = command_table; *c; c++) {
		if (!(*c)->parts)
			continue;
		printf("\tif [[ $COMP_CWORD == 3 && ${COMP_WORDS[1]} == help && "
		       "${COMP_WORDS[2]} == %s && $cur != -* ]]; then\n\t\twords=\"",
		       (*c)->name);
		for (const struct command *const *part = (*c)->parts; *part; part++)
			printf("%s%s", part == (*c)->parts ? "" : " ", command_word(*part));
		printf("\"\n\tfi\n");
	}
}

static void help_bash_completion(void)
{
	fputs(help_bash_begin, stdout);
	for (const struct command *const *c = command_table; *c; c++)
		printf("%s%s", c == command_table ? "" : " ", (*c)->name);
	printf("\"\n\tfi\n");
	help_bash_parts_of_help();
	printf("\tcase ${COMP_WORDS[1]} in\n");
	for (const struct command *const *c = command_table; *c; c++)
		help_bash_command(*c);
	fputs(help_bash_end, stdout);
}

/* Prints the help of the part of CMD that WORD names. */
static int help_part(const struct command *cmd, const char *word)
{
	const struct command *part = command_part(cmd, word);

	if (!part)
		return report_usage("there is no command \"%s %s\": `weir help %s` lists all",
				    cmd->name, word, cmd->name);
	command_print_help(part, stdout);
	return 0;
}

/* Says that there is no command NAME, and which one may have been meant. */
static int help_unknown(const char *name)
{
	const struct command *near = command_nearest(name);
	const char *elsewhere = command_elsewhere(name);

	if (elsewhere)
		return report_usage("there is no command \"%s\" here: %s", name, elsewhere);
	if (near)
		return report_usage("there is no command \"%s\": did you mean \"%s\"?", name,
				    near->name);
	return report_usage("there is no command \"%s\": `weir help` lists all", name);
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
	if (cmd && n > 1)
		return help_part(cmd, operands[1]);
	if (!cmd)
		return help_unknown(operands[0]);
	command_print_help(cmd, stdout);
	return 0;
}

const struct command command_help = {
	.name = "help",
	.operands = "[COMMAND [PART]]",
	.summary = "explain a command",
	.text = "Explains COMMAND: what it does, its options, examples; PART: of a command that "
		"has\n"
		"parts, like `bench run`. Without COMMAND, lists all commands.\n",
	.examples = "weir help replay\n"
		    "source <(weir help --bash-completion)\n",
	.options = help_options,
	.min_operands = 0,
	.max_operands = 2,
	.args_size = sizeof(struct help_args),
	.run = help_run,
};
