/* SPDX-License-Identifier: Apache-2.0 */
/* options.c - parses command lines with a table and getopt_long(). One thread, at the start. */
#include <errno.h>
#include <getopt.h>
#include <string.h>

#include "base/error.h"
#include "base/parse.h"
#include "cli/options.h"
#include "base/suggest.h"

/* The value that getopt_long() returns for an entry of a table; it is above all letters. */
#define OPT_CODE(index) (256 + (int)(index))
#define OPT_CODE_HELP 255

/* The two forms in which getopt_long() needs a table. */
struct opt_shapes {
	struct option longs[OPT_TABLE_MAX + 2];
	char letters[2 * OPT_TABLE_MAX + 4];
};

static void opt_shape(const struct opt *table, struct opt_shapes *shapes)
{
	struct option *next = shapes->longs;
	char *letter = shapes->letters;

	memset(shapes, 0, sizeof(*shapes));
	/* getopt_long() then distinguishes a missing value from an unknown option */
	*letter++ = ':';
	*letter++ = 'h';
	for (size_t i = 0; i < OPT_TABLE_MAX && table[i].name; i++) {
		next->name = table[i].name;
		next->has_arg = table[i].type == OPT_FLAG ? no_argument : required_argument;
		next->val = OPT_CODE(i);
		next++;
		if (!table[i].letter)
			continue;
		*letter++ = table[i].letter;
		if (table[i].type != OPT_FLAG)
			*letter++ = ':';
	}
	next->name = "help";
	next->val = OPT_CODE_HELP;
}

static const struct opt *opt_by_code(const struct opt *table, int code)
{
	for (size_t i = 0; table[i].name; i++)
		if (code == OPT_CODE(i) || (code && code == table[i].letter))
			return &table[i];
	return NULL;
}

static int opt_check_range(const struct opt *opt, const char *text, uint64_t value)
{
	char low[32], high[32];

	if ((!opt->min && !opt->max) || (value >= opt->min && value <= opt->max))
		return 0;
	if (opt->type == OPT_SIZE)
		return error_set(-ERANGE, "\"%s\" is out of range: give %s to %s", text,
				 format_size(opt->min, low, sizeof(low)),
				 format_size(opt->max, high, sizeof(high)));
	return error_set(-ERANGE, "\"%s\" is out of range: give %s to %s", text,
			 format_time(opt->min, low, sizeof(low)),
			 format_time(opt->max, high, sizeof(high)));
}

static int opt_store_number(const struct opt *opt, uint64_t *field, const char *text)
{
	int err;

	if (opt->type == OPT_NUMBER)
		return parse_number(text, opt->min, opt->max ? opt->max : UINT64_MAX, field);
	err = opt->type == OPT_SIZE ? parse_size(text, field) : parse_time(text, field);
	return err < 0 ? err : opt_check_range(opt, text, *field);
}

static int opt_store_more(struct opt_list *list, const char *text)
{
	if (list->count == OPT_LIST_MAX)
		return error_set(-EINVAL, "given more than %d times", OPT_LIST_MAX);
	list->values[list->count++] = text;
	return 0;
}

static int opt_store(const struct opt *opt, void *target, const char *text)
{
	void *field = (char *)target + opt->offset;
	int err = 0;

	if (opt->type == OPT_FLAG)
		(*(unsigned *)field)++;
	else if (opt->type == OPT_STRING)
		*(const char **)field = text;
	else if (opt->type == OPT_LIST)
		err = opt_store_more(field, text);
	else
		err = opt_store_number(opt, field, text);
	return err < 0 ? error_set(-EINVAL, "--%s: %s", opt->name, weir_error()) : 0;
}

/* Sets weir_error() for an option that getopt_long() refused; TEXT is the word that contains it. */
static int opt_refuse(const struct opt *table, const char *text)
{
	const char *names[OPT_TABLE_MAX + 2];
	const struct opt *opt = opt_by_code(table, optopt);
	const char *near = NULL;
	size_t n = 0;

	if (opt)
		return error_set(-EINVAL, "--%s takes no value", opt->name);
	for (; table[n].name; n++)
		names[n] = table[n].name;
	names[n++] = "help";
	if (!strncmp(text, "--", 2))
		near = suggest_nearest(text + 2, strcspn(text + 2, "="), names, n);
	else
		return error_set(-EINVAL,
				 "unknown option -%c (an operand that begins with a dash goes "
				 "behind --)",
				 optopt);
	if (near)
		return error_set(-EINVAL, "unknown option %s: did you mean --%s?", text, near);
	return error_set(-EINVAL,
			 "unknown option %s (an operand that begins with a dash goes behind --)",
			 text);
}

int opt_parse(const struct opt *table, void *target, int argc, char **argv, int *first)
{
	struct opt_shapes shapes;
	int code, err;

	opt_shape(table, &shapes);
	optind = 0; /* glibc: 0 resets the parser */
	opterr = 0;
	while ((code = getopt_long(argc, argv, shapes.letters, shapes.longs, NULL)) != -1) {
		if (code == OPT_CODE_HELP || code == 'h')
			return 1;
		if (code == '?')
			return opt_refuse(table, argv[optind - 1]);
		if (code == ':')
			return error_set(-EINVAL, "--%s needs a value",
					 opt_by_code(table, optopt)->name);
		err = opt_store(opt_by_code(table, code), target, optarg);
		if (err < 0)
			return err;
	}
	*first = optind;
	return 0;
}

/* The columns of options in the help; one that fills them has a line of its own. */
#define OPT_HELP_LEFT 27

void opt_print_help(const struct opt *table, FILE *out)
{
	char left[64];

	for (; table->name; table++) {
		const char *line = table->help;
		const char *end;
		char letter[8] = "    ";

		if (table->letter)
			snprintf(letter, sizeof(letter), "-%c, ", table->letter);
		snprintf(left, sizeof(left), "%s--%s%s%s", letter, table->name,
			 table->arg ? " " : "", table->arg ? table->arg : "");
		if (strlen(left) >= OPT_HELP_LEFT) {
			fprintf(out, "  %s\n", left);
			left[0] = '\0';
		}
		while ((end = strchr(line, '\n'))) {
			fprintf(out, "  %-*s %.*s\n", OPT_HELP_LEFT, left, (int)(end - line), line);
			left[0] = '\0';
			line = end + 1;
		}
		fprintf(out, "  %-*s %s\n", OPT_HELP_LEFT, left, line);
	}
	fprintf(out, "  %-*s %s\n", OPT_HELP_LEFT, "-h, --help", "show this help");
}
