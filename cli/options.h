/* SPDX-License-Identifier: Apache-2.0 */
/*
 * options.h - command line options from a table, which has their names, their meanings and where
 * their values go. A table is static and names members by their offset, so the same table parses,
 * prints the help and makes the shell completion. OPT_END is the last entry. Owns nothing.
 */
#ifndef OPTIONS_H
#define OPTIONS_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum opt_type {
	OPT_FLAG,   /* unsigned: how often the option was given */
	OPT_STRING, /* const char * */
	OPT_LIST,   /* struct opt_list: the option may be given several times */
	OPT_SIZE,   /* uint64_t, bytes */
	OPT_TIME,   /* uint64_t, ns */
	OPT_NUMBER, /* uint64_t, from min to max */
};

/* What a command does with the file that the value of an option names; see apart.h. */
enum opt_file {
	OPT_NO_FILE = 0,
	OPT_READS,	 /* it reads the file, or changes it in its place, as a store */
	OPT_WRITES,	 /* it writes the file, or standard output */
	OPT_WRITES_MORE, /* the same, but standard output gets something else */
};

#define OPT_LIST_MAX 32

struct opt_list {
	const char *values[OPT_LIST_MAX];
	size_t count;
};

struct opt {
	const char *name; /* the long form, without dashes */
	char letter;	  /* the short form, or 0 */
	enum opt_type type;
	size_t offset;	    /* offset of the member in the struct of the command's arguments */
	const char *arg;    /* the name of the value in the help; NULL for a flag */
	const char *help;   /* the text in the help; it has newlines where lines break */
	uint64_t min, max;  /* bounds of numbers and sizes; if both are 0, any value is allowed */
	enum opt_file file; /* of an OPT_STRING whose value is the name of a file */
};

#define OPT_END                                                                                    \
	{                                                                                          \
		.name = NULL                                                                       \
	}

/* The largest number of entries in a table. */
#define OPT_TABLE_MAX 40

/*
 * Parses ARGV (argv[0] is skipped) with TABLE and writes the values to TARGET. Operands may stand
 * between options; they are moved behind them, and *FIRST becomes the index of the first operand.
 * Returns 0, 1 (--help was given) or -EINVAL, where weir_error() says which option is wrong and
 * why.
 */
int opt_parse(const struct opt *table, void *target, int argc, char **argv, int *first);

/* Prints the part of the help that describes the options of TABLE. */
void opt_print_help(const struct opt *table, FILE *out);

#endif
