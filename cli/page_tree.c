/* SPDX-License-Identifier: Apache-2.0 */
/* page_tree.c - any JSON object as tables. See page.h. */
#include <string.h>

#include "base/parse.h"
#include "cli/html.h"
#include "cli/page.h"
#include "cli/page_percentiles.h"
#include "cli/table.h"

#define TREE_COLUMNS_MAX 32
#define TREE_DEPTH_MAX 5
#define TREE_NAME 128
#define TREE_ROWS_MAX 4096

static bool tree_ends(const char *name, const char *end)
{
	size_t n = strlen(name), m = strlen(end);

	return n >= m && !strcmp(name + n - m, end);
}

static void tree_number(FILE *out, const char *name, double number, bool whole)
{
	char text[64];

	if (tree_ends(name, "_ns") && number >= 0 && number < 1e19)
		format_time((uint64_t)number, text, sizeof(text));
	else if (tree_ends(name, "bytes") && number >= 0 && number < 1e19)
		format_size((uint64_t)number, text, sizeof(text));
	else if ((whole || number >= 1e3) && number >= 0 && number < 1e19 &&
		 !tree_ends(name, "seed"))
		table_count((uint64_t)number, text, sizeof(text));
	else
		snprintf(text, sizeof(text), whole ? "%.0f" : "%.4g", number);
	html_text(out, text);
}

static bool tree_is_spread(const json_t *value)
{
	return json_is_object(value) && json_object_size(value) == 3 &&
	       json_is_number(json_object_get(value, "median"));
}

static void tree_scalar(FILE *out, const char *name, const json_t *value)
{
	if (json_is_string(value))
		html_text(out, json_string_value(value));
	else if (json_is_boolean(value))
		fputs(json_is_true(value) ? "yes" : "no", out);
	else if (json_is_number(value))
		tree_number(out, name, json_number_value(value), json_is_integer(value));
	else
		fputs("–", out);
}

void page_value(FILE *out, const char *name, const json_t *value)
{
	if (!tree_is_spread(value)) {
		tree_scalar(out, name, value);
		return;
	}
	tree_scalar(out, name, json_object_get(value, "median"));
	fputs(" <span class=\"soft\">(", out);
	tree_scalar(out, name, json_object_get(value, "min"));
	fputs(" to ", out);
	tree_scalar(out, name, json_object_get(value, "max"));
	fputs(")</span>", out);
}

/* Writes a name of a field as words: "latency.p99_ns" as "latency p99". */
static void tree_words(FILE *out, const char *name)
{
	char words[TREE_NAME];
	size_t n;

	snprintf(words, sizeof(words), "%s", name);
	n = strlen(words);
	if (tree_ends(words, "_ns"))
		words[n - 3] = '\0';
	else if (tree_ends(words, "_bytes"))
		words[n - 6] = '\0';
	for (char *p = words; *p; p++)
		if (*p == '_' || *p == '.')
			*p = ' ';
	html_text(out, words);
}

/* The columns of a table, which are those of all rows. */
struct columns {
	char name[TREE_COLUMNS_MAX][TREE_NAME];
	bool text[TREE_COLUMNS_MAX];
	size_t n;
};

static bool tree_is_cell(const json_t *value)
{
	return !json_is_array(value) && (!json_is_object(value) || tree_is_spread(value));
}

static void tree_column(struct columns *c, const char *name, const json_t *value)
{
	size_t i = 0;

	while (i < c->n && strcmp(c->name[i], name))
		i++;
	if (i == TREE_COLUMNS_MAX)
		return;
	snprintf(c->name[i], TREE_NAME, "%s", name);
	c->text[i] |= json_is_string(value);
	c->n += i == c->n;
}

/* Adds the columns of OBJECT, with PREFIX before their names. */
/* NOLINTNEXTLINE(misc-no-recursion): DEPTH has a limit. */
static void tree_columns(struct columns *c, const json_t *object, const char *prefix, int depth)
{
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)(uintptr_t)object, key, value) {
		char name[TREE_NAME];
		int length =
			snprintf(name, sizeof(name), "%s%s%s", prefix, *prefix ? "." : "", key);

		/* A column that has only a part of its name would find no values. */
		if (length < 0 || (size_t)length >= sizeof(name))
			continue;
		if (tree_is_cell(value) && strcmp(key, "schema"))
			tree_column(c, name, value);
		else if (json_is_object(value) && depth < TREE_DEPTH_MAX)
			tree_columns(c, value, name, depth + 1);
	}
}

/* Returns the value of the column NAME in OBJECT. Names may have dots themselves. */
/* NOLINTNEXTLINE(misc-no-recursion): a name has few dots. */
static const json_t *tree_find(const json_t *object, const char *name)
{
	const json_t *value = json_object_get(object, name);
	char first[TREE_NAME];

	for (const char *dot = name; !value && (dot = strchr(dot, '.')); dot++) {
		snprintf(first, sizeof(first), "%.*s", (int)(dot - name), name);
		value = tree_find(json_object_get(object, first), dot + 1);
	}
	return value;
}

static void tree_table(FILE *out, const json_t *rows)
{
	struct columns c = { .n = 0 };
	const json_t *row;
	size_t i;

	json_array_foreach(rows, i, row)
		if (i < TREE_ROWS_MAX)
			tree_columns(&c, row, "", 0);
	if (!c.n)
		return;
	html_table_begin(out, "table", c.n, false);
	fputs("<thead><tr>", out);
	for (size_t k = 0; k < c.n; k++) {
		fputs("<th scope=\"col\">", out);
		tree_words(out, c.name[k]);
		fputs("</th>", out);
	}
	fputs("</tr></thead>\n<tbody>\n", out);
	json_array_foreach(rows, i, row) {
		if (i == TREE_ROWS_MAX)
			break;
		fputs("<tr>", out);
		for (size_t k = 0; k < c.n; k++) {
			fputs(k ? c.text[k] ? "<td class=\"text\">" : "<td>" : "<th scope=\"row\">",
			      out);
			page_value(out, c.name[k], tree_find(row, c.name[k]));
			fputs(k ? "</td>" : "</th>", out);
		}
		fputs("</tr>\n", out);
	}
	html_table_end(out);
}

static void tree_facts(FILE *out, const json_t *object)
{
	struct columns c = { .n = 0 };

	tree_columns(&c, object, "", 0);
	if (!c.n)
		return;
	html_table_begin(out, "facts", 2, true);
	fputs("<tbody>\n", out);
	for (size_t k = 0; k < c.n; k++) {
		fputs("<tr><th scope=\"row\">", out);
		tree_words(out, c.name[k]);
		fputs("</th><td>", out);
		page_value(out, c.name[k], tree_find(object, c.name[k]));
		fputs("</td></tr>\n", out);
	}
	html_table_end(out);
}

/* Writes an array: of objects as a table, of other values as a list. */
static void tree_array(FILE *out, const char *name, const json_t *array)
{
	const json_t *item;
	size_t i;

	if (!json_array_size(array))
		return;
	fputs("<h3>", out);
	tree_words(out, name);
	fputs("</h3>\n", out);
	if (json_is_object(json_array_get(array, 0))) {
		tree_table(out, array);
		page_percentiles(out, name, array);
		return;
	}
	fputs("<ul>", out);
	json_array_foreach(array, i, item) {
		fputs("<li>", out);
		page_value(out, name, item);
		fputs("</li>\n", out);
	}
	fputs("</ul>\n", out);
}

/* Writes the arrays in OBJECT, and those in the objects of these. */
/* NOLINTNEXTLINE(misc-no-recursion): DEPTH has a limit. */
static void tree_arrays(FILE *out, const json_t *object, const char *prefix, int depth)
{
	const char *key;
	json_t *value, *item;
	size_t i;

	json_object_foreach((json_t *)(uintptr_t)object, key, value) {
		char name[TREE_NAME];

		snprintf(name, sizeof(name), "%s%s%s", prefix, *prefix ? ": " : "", key);
		if (json_is_array(value))
			tree_array(out, name, value);
		if (depth == TREE_DEPTH_MAX)
			continue;
		if (json_is_object(value))
			tree_arrays(out, value, name, depth + 1);
		json_array_foreach(value, i, item) {
			const char *of = json_string_value(json_object_get(item, "name"));

			if (i < TREE_ROWS_MAX)
				tree_arrays(out, item, of ? of : name, depth + 1);
		}
	}
}

void page_tree(FILE *out, const json_t *object)
{
	tree_facts(out, object);
	tree_arrays(out, object, "", 0);
}
