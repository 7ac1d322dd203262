/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ini.c - inih, with line numbers. See ini.h.
 *
 * The library tells its handler neither lines nor empty sections, takes indented lines for the
 * rest of a value, and wants a value for each key. So the lines pass through here first: they are
 * counted, straightened out, and each section is followed by a key that no file can contain.
 */
#include <ctype.h>
#include <errno.h>
#include <ini.h>
#include <stdbool.h>
#include <string.h>

#include "base/error.h"
#include "sim/ini.h"

#define SECTION_MARK "\x01"
/* What the library keeps of the name of a section. */
#define SECTION_MAX 48

struct ini_source {
	FILE *in;
	const char *path;
	sim_ini_fn *fn;
	void *user;
	struct remarks *mistakes;
	unsigned line;
	bool in_section; /* its beginning is to be told */
	bool lost;	 /* in a section whose name is not known */
	bool ends;	 /* the rest cannot be read */
	int err;	 /* of the first mistake */
};

/* Something is wrong in the line: words are in weir_error() already, or TEXT. */
static void ini_fail(struct ini_source *src, int err, const char *text)
{
	remarks_add(src->mistakes, "%s:%u: %s", src->path, src->line, text ? text : weir_error());
	if (!src->err)
		src->err = err;
	src->ends |= err != -EINVAL;
}

/* Removes the comment and spaces at the end, and spaces at the beginning. */
static void ini_trim(char *s)
{
	size_t lead = strspn(s, " \t\r\n"), len;

	memmove(s, s + lead, strlen(s + lead) + 1);
	if (*s == '#' || *s == ';')
		*s = '\0';
	for (char *c = s; *c; c++)
		if ((*c == ';' || *c == '#') && c > s && isspace((unsigned char)c[-1]))
			*c-- = '\0';
	for (len = strlen(s); len && isspace((unsigned char)s[len - 1]); len--)
		s[len - 1] = '\0';
}

/* S is the header of a section; a wrong one is left out of what is read. */
static void ini_section(struct ini_source *src, char *s)
{
	const char *end = strchr(s, ']');
	size_t before = src->mistakes->count + src->mistakes->dropped;

	if (!end)
		ini_fail(src, -EINVAL, "a section without its ]");
	else if (end == s + 1 || end - s - 1 > SECTION_MAX)
		ini_fail(src, -EINVAL, "a section needs a name of 1 to 48 letters");
	else if (end[1])
		ini_fail(src, -EINVAL, "something stands behind the ] of a section");
	src->lost = before != src->mistakes->count + src->mistakes->dropped;
	src->in_section = !src->lost;
	if (src->lost)
		*s = '\0';
}

static char *ini_line(char *s, int size, void *stream)
{
	struct ini_source *src = stream;
	size_t len;

	if (src->in_section) {
		src->in_section = false;
		snprintf(s, (size_t)size, SECTION_MARK "=\n");
		return s;
	}
	/* Room for what is added below. */
	if (src->ends || !fgets(s, size - 2, src->in)) {
		if (!src->ends && ferror(src->in)) {
			src->err = error_sys(-errno, "%s: cannot be read", src->path);
			src->ends = true;
		}
		return NULL;
	}
	src->line++;
	len = strlen(s);
	if ((!len || s[len - 1] != '\n') && !feof(src->in)) {
		ini_fail(src, -EINVAL, "too long a line, or not text");
		src->ends = true;
		return NULL;
	}
	ini_trim(s);
	if (*s == '[')
		ini_section(src, s);
	else if (*s && !strchr(s, '='))
		strcat(s, "=");
	strcat(s, "\n");
	return s;
}

static int ini_key(void *user, const char *section, const char *name, const char *value)
{
	struct ini_source *src = user;
	bool begins = !strcmp(name, SECTION_MARK);
	int err = 0;

	if (src->ends || src->lost)
		return 1;
	if (!*section)
		err = error_set(-EINVAL, "\"%s\" stands before the first [section]", name);
	else
		err = src->fn(src->user, src->line, section, begins ? NULL : name, value);
	if (err)
		ini_fail(src, err, NULL);
	/* Keys of a section that nobody knows are no mistakes of their own. */
	if (begins)
		src->lost = err != 0;
	return 1;
}

int sim_ini_read(FILE *in, const char *path, sim_ini_fn *fn, void *user, struct remarks *mistakes)
{
	struct ini_source src = {
		.in = in, .path = path, .fn = fn, .user = user, .mistakes = mistakes
	};
	int ret = ini_parse_stream(ini_line, &src, ini_key, &src);

	if (!src.err && ret)
		return error_set(-EINVAL, "%s:%d: no key and no section", path, ret);
	if (src.err && mistakes->count)
		return error_set(src.err, "%s", mistakes->line[0]);
	return src.err;
}
