/* SPDX-License-Identifier: Apache-2.0 */
/*
 * options.h - command line options from a table: what they are called, what they mean, and where
 * their values go.
 *
 * A table is static and names fields by their offset, so that the same table parses, prints the
 * help and makes the shell completion. Tables end with OPT_END. Owns nothing.
 */
#ifndef OPTIONS_H
#define OPTIONS_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum opt_type {
	OPT_FLAG,   /* unsigned: how often it was given */
	OPT_STRING, /* const char * */
	OPT_LIST,   /* struct opt_list: may be given several times */
	OPT_SIZE,   /* uint64_t, bytes */
	OPT_TIME,   /* uint64_t, ns */
	OPT_NUMBER, /* uint64_t, from min to max */
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
	size_t offset;	   /* of the field in the struct of the command */
	const char *arg;   /* what the help calls its value; NULL for a flag */
	const char *help;  /* what it does; newlines where the help breaks lines */
	uint64_t min, max; /* of numbers and sizes; both 0: anything */
};

#define OPT_END                                                                                    \
	{                                                                                          \
		.name = NULL                                                                       \
	}

/* No table is longer than this. */
#define OPT_TABLE_MAX 32

/*
 * Parses ARGV (argv[0] is skipped) into TARGET by TABLE. Operands may stand between options; they
 * are moved behind them, and *FIRST is the index of the first one. Returns 0, 1 (--help was given)
 * or -EINVAL with weir_error() saying what is wrong with which option.
 */
int opt_parse(const struct opt *table, void *target, int argc, char **argv, int *first);

/* Prints the lines about the options of TABLE. */
void opt_print_help(const struct opt *table, FILE *out);

#endif
