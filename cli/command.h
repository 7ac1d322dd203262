/* SPDX-License-Identifier: Apache-2.0 */
/*
 * command.h - what a subcommand is. Each is one file that defines one struct command, and one
 * line in the table in commands.c.
 */
#ifndef COMMAND_H
#define COMMAND_H

#include <stddef.h>
#include <stdio.h>

#include "cli/options.h"

/* What the first operand of a command is. */
enum command_path {
	COMMAND_NO_PATH = 0,
	COMMAND_PATH,  /* a file or device, or "-" for standard input, which the command reads */
	COMMAND_STORE, /* the same; left out, it is what the environment's WEIR_STORE says */
};

struct command {
	const char *name;
	const char *alias; /* what people may know it by, or NULL */
	enum command_path path;
	const char *operands; /* as the usage line shows them */
	const char *summary;  /* one line */
	const char *text;     /* what it does, in sentences; ends with a newline */
	const char *examples; /* command lines; each ends with a newline */
	const struct opt *options;
	int min_operands, max_operands; /* max -1: any number */
	/* What `run` is given: a copy of DEFAULTS (NULL: zeroes) with the options filled in. */
	size_t args_size;
	const void *defaults;
	/* Returns the exit code. OPERANDS is ended by NULL. */
	int (*run)(void *args, char **operands, int n);
};

/* The table of subcommands, ended by NULL. */
extern const struct command *const command_table[];

extern const struct command command_info, command_doctor, command_fdp, command_format, command_put,
	command_get, command_ls, command_del, command_stat, command_replay, command_sched,
	command_step, command_sim, command_help;

/* Finds a subcommand by its full name or its alias, or NULL. */
const struct command *command_find(const char *name);

/* The subcommand that somebody may have meant by NAME, or NULL. */
const struct command *command_nearest(const char *name);

/* Parses ARGV (argv[0] is the subcommand's name) for CMD and runs it. Returns the exit code. */
int command_run(const struct command *cmd, int argc, char **argv);

/* Prints the help of CMD. */
void command_print_help(const struct command *cmd, FILE *out);

/* Prints what weir is and the list of subcommands. */
void command_print_overview(FILE *out);

#endif
