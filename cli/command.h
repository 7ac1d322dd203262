/* SPDX-License-Identifier: Apache-2.0 */
/*
 * command.h - the description of a subcommand. Each subcommand is one file that defines one struct
 * command, and one line in the table in commands.c.
 */
#ifndef COMMAND_H
#define COMMAND_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "cli/options.h"

/* The meaning of the first operand of a command. */
enum command_path {
	COMMAND_NO_PATH = 0,
	COMMAND_PATH,  /* a file or device that the command reads; "-" is standard input */
	COMMAND_STORE, /* a store; if it is missing, the environment variable WEIR_STORE names it */
};

#define COMMAND_ALL_FILES UINT32_MAX

struct command {
	const char *name;
	const char *alias; /* another name by which people may know the command, or NULL */
	enum command_path path;
	uint32_t files;	      /* bit I: operand I too is a file; COMMAND_ALL_FILES: each is one */
	const char *operands; /* the operands as the usage line shows them */
	const char *summary;  /* the purpose in one line */
	const char *text;     /* what the command does, in sentences; ends with a newline */
	const char *examples; /* examples of command lines; each ends with a newline */
	const struct opt *options;
	/* Not NULL: commands of their own, whose names begin with that of this one ("bench run");
	 * NULL follows the last one. `run` is for a call that names none of them. */
	const struct command *const *parts;
	int min_operands, max_operands; /* the allowed number of operands; max -1: any number */
	/*
	 * The size of the struct that `run` gets: a copy of DEFAULTS (NULL: zeroes), with the
	 * values of the given options.
	 */
	size_t args_size;
	const void *defaults;
	/* Runs the command. Returns the exit code. NULL follows the last of the OPERANDS. */
	int (*run)(void *args, char **operands, int n);
};

/* The table of subcommands; NULL follows the last one. */
extern const struct command *const command_table[];

extern const struct command command_info, command_doctor, command_fdp, command_format, command_put,
	command_get, command_ls, command_del, command_stat, command_replay, command_sched,
	command_step, command_sim, command_help, command_fsck, command_dump, command_scrub,
	command_tenant, command_set, command_export, command_import, command_bench, command_top,
	command_report;

/* Finds a subcommand by its full name or its alias, or NULL. */
const struct command *command_find(const char *name);

/* Returns the part of CMD that WORD names ("run" of "bench run"), or NULL. */
const struct command *command_part(const struct command *cmd, const char *word);

/* Returns the last word of the name of PART: "run" of "bench run". */
const char *command_word(const struct command *part);

/* Returns the subcommand whose name is most similar to NAME, or NULL if none is similar. */
const struct command *command_nearest(const char *name);

/* Says where the command NAME is, if it is one of the package for Python only; else NULL. */
const char *command_elsewhere(const char *name);

/*
 * Parses ARGV for CMD (argv[0] is the name of the subcommand) and runs it. Returns the exit code.
 */
int command_run(const struct command *cmd, int argc, char **argv);

/* Prints the help of CMD. */
void command_print_help(const struct command *cmd, FILE *out);

/* Prints a description of weir and the list of subcommands. */
void command_print_overview(FILE *out);

#endif
