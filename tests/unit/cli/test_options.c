/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_options.c - a table of options parses valid words, and the error messages name what is
 * wrong with others.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <weir/base.h>

#include "cli/options.h"
#include "base/suggest.h"

struct target {
	unsigned verbose;
	const char *name;
	uint64_t size, time, number;
	struct opt_list list;
};

#define AT(field) .offset = offsetof(struct target, field)

static const struct opt table[] = {
	{ .name = "verbose", .letter = 'v', .type = OPT_FLAG, AT(verbose), .help = "more\nwords" },
	{ .name = "name", .letter = 'n', .type = OPT_STRING, AT(name), .arg = "NAME", .help = "" },
	{ .name = "size",
	  .type = OPT_SIZE,
	  AT(size),
	  .arg = "SIZE",
	  .help = "",
	  .min = 512,
	  .max = 65536 },
	{ .name = "time", .type = OPT_TIME, AT(time), .arg = "TIME", .help = "" },
	{ .name = "list", .type = OPT_LIST, AT(list), .arg = "WORD", .help = "" },
	{ .name = "number", .type = OPT_NUMBER, AT(number), .arg = "N", .help = "", .max = 9 },
	OPT_END,
};

/* Parses the words of LINE; OPERANDS gets the remaining words, joined by commas. */
static int parse(const char *line, struct target *t, char *operands, size_t size)
{
	char *words[16] = { NULL };
	char *copy = strdup(line), *save = NULL;
	int n = 0, first = 0, err;

	assert_non_null(copy);
	for (char *w = strtok_r(copy, " ", &save); w && n < 15; w = strtok_r(NULL, " ", &save))
		words[n++] = w;
	memset(t, 0, sizeof(*t));
	err = opt_parse(table, t, n, words, &first);
	operands[0] = '\0';
	for (int i = first; !err && i < n; i++)
		snprintf(operands + strlen(operands), size - strlen(operands), "%s%s",
			 i > first ? "," : "", words[i]);
	if (t->name)
		/* the string is no longer valid, as the words are freed */
		t->name = strcmp(t->name, "x") ? "other" : "x";
	free(copy);
	return err;
}

static void test_values(void **state)
{
	struct target t;
	char rest[64];

	(void)state;
	assert_int_equal(parse("cmd a --size 4k -v b --time=2ms -n x --number 7 --verbose -", &t,
			       rest, sizeof(rest)),
			 0);
	assert_string_equal(rest, "a,b,-");
	assert_int_equal(t.verbose, 2);
	assert_string_equal(t.name, "x");
	assert_int_equal(t.size, 4096);
	assert_int_equal(t.time, 2000000);
	assert_int_equal(t.number, 7);
}

static void test_list(void **state)
{
	static char cmd[] = "cmd", list[] = "--list", even[] = "even", odd[] = "odd",
		    more[] = "--list=more";
	char *words[2 * OPT_LIST_MAX + 4];
	struct target t = { 0 };
	int first, n = 0;

	(void)state;
	words[n++] = cmd;
	for (int i = 0; i < OPT_LIST_MAX; i++) {
		words[n++] = list;
		words[n++] = i % 2 ? odd : even;
	}
	assert_int_equal(opt_parse(table, &t, n, words, &first), 0);
	assert_int_equal(t.list.count, OPT_LIST_MAX);
	for (int i = 0; i < OPT_LIST_MAX; i++)
		assert_string_equal(t.list.values[i], i % 2 ? "odd" : "even");
	words[n++] = more;
	memset(&t, 0, sizeof(t));
	assert_int_equal(opt_parse(table, &t, n, words, &first), -EINVAL);
	assert_non_null(strstr(weir_error(), "--list: given more than 32 times"));
}

static void test_end_of_options(void **state)
{
	struct target t;
	char rest[64];

	(void)state;
	assert_int_equal(parse("cmd -v -- -v --size", &t, rest, sizeof(rest)), 0);
	assert_string_equal(rest, "-v,--size");
	assert_int_equal(t.verbose, 1);
	assert_int_equal(parse("cmd", &t, rest, sizeof(rest)), 0);
	assert_string_equal(rest, "");
}

static void test_help(void **state)
{
	struct target t;
	char rest[64];

	(void)state;
	assert_int_equal(parse("cmd a --help", &t, rest, sizeof(rest)), 1);
	assert_int_equal(parse("cmd -h --nonsense", &t, rest, sizeof(rest)), 1);
}

static void test_refusals(void **state)
{
	static const char *const lines[][2] = {
		{ "cmd --size 10Q", "--size: \"10Q\" is not a size" },
		{ "cmd --size 256", "--size: \"256\" is out of range: give 512 B to 64 KiB" },
		{ "cmd --size", "--size needs a value" },
		{ "cmd -n", "--name needs a value" },
		{ "cmd --time 3", "--time: \"3\" is not a time" },
		{ "cmd --number 10", "--number: 10 is out of range" },
		{ "cmd --number -1", "--number: \"-1\" is not a number" },
		{ "cmd --verbose=2", "--verbose takes no value" },
		{ "cmd --nmae x", "unknown option --nmae: did you mean --name?" },
		{ "cmd --siez=4k", "unknown option --siez=4k: did you mean --size?" },
		{ "cmd --hepl", "did you mean --help?" },
		{ "cmd --colour", "unknown option --colour" },
		{ "cmd -q", "unknown option -q" },
		{ "cmd -vq", "unknown option -q" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		struct target t;
		char rest[64];

		assert_int_equal(parse(lines[i][0], &t, rest, sizeof(rest)), -EINVAL);
		if (!strstr(weir_error(), lines[i][1]))
			fail_msg("\"%s\" does not say \"%s\"", weir_error(), lines[i][1]);
	}
}

static void test_help_text(void **state)
{
	char text[1024] = "";
	FILE *out = fmemopen(text, sizeof(text), "w");

	(void)state;
	assert_non_null(out);
	opt_print_help(table, out);
	fclose(out);
	assert_non_null(strstr(text, "  -v, --verbose               more\n"
				     "                              words\n"));
	assert_non_null(strstr(text, "      --size SIZE             "));
	assert_non_null(strstr(text, "  -h, --help                  show this help\n"));
}

static void test_suggestions(void **state)
{
	static const char *const names[] = { "info", "format", "put", "get", "ls", "replay" };
	static const char *const pairs[][2] = {
		{ "pit", "put" },      { "fromat", "format" },	{ "form", "format" },
		{ "rplay", "replay" }, { "inof", "info" },	{ "list", NULL },
		{ "xyzzy", NULL },     { "p", NULL },		{ "", NULL },
		{ "sl", "ls" },	       { "ps", NULL },		{ "cat", NULL },
		{ "set", NULL },       { "input", NULL },	{ "init", NULL },
		{ "getting", "get" },  { "replays", "replay" }, { "put1", "put" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		const char *found = suggest_nearest(pairs[i][0], strlen(pairs[i][0]), names, 6);

		if (!pairs[i][1])
			assert_null(found);
		else
			assert_string_equal(found, pairs[i][1]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values),	       cmocka_unit_test(test_list),
		cmocka_unit_test(test_end_of_options), cmocka_unit_test(test_help),
		cmocka_unit_test(test_refusals),       cmocka_unit_test(test_help_text),
		cmocka_unit_test(test_suggestions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
