/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ini.c - reads INI files with the library inih, and knows line numbers. See ini.h.
 *
 * The library gives its handler neither line numbers nor empty sections, treats an indented line
 * as the rest of a value, and requires a value for each key. So lines pass through this file
 * first: it counts them, brings them into the form that the library needs, and adds, after the
 * header of each section, a key that no file can contain.
 */
#include <ctype.h>
#include <errno.h>
#include <ini.h>
#include <stdbool.h>
#include <string.h>

#include "base/error.h"
#include "sim/ini.h"
#include "text/text.h"

#define SECTION_MARK "\x01"
#define INI_LINE_MAX 65536u
#define INI_BYTES_MAX (4u << 20)
/* The library keeps this many bytes of the name of a section. */
#define SECTION_MAX 48

struct ini_source {
	struct text text;
	const char *path;
	sim_ini_fn *fn;
	void *user;
	struct remarks *mistakes;
	unsigned line;
	size_t bytes;	 /* number of bytes read so far */
	bool in_section; /* the handler must still be told that a section began */
	bool lost;	 /* in a section whose name is unknown */
	bool ends;	 /* nothing more can be read */
	int err;	 /* the error of the first mistake */
};

/*
 * Records a mistake in the current line. TEXT describes it; with NULL, weir_error() already does.
 */
static void ini_fail(struct ini_source *src, int err, const char *text)
{
	remarks_add(src->mistakes, "%s:%u: %s", src->path, src->line, text ? text : weir_error());
	if (!src->err)
		src->err = err;
	src->ends |= err != -EINVAL;
}

/* Removes the comment, and spaces at both ends. */
static void ini_trim(char *s)
{
	size_t lead = 0, len;

	/*
	 * Remove all of them: the library would skip the rest itself, and then read another line
	 * than the one that was checked here.
	 */
	while (isspace((unsigned char)s[lead]))
		lead++;
	memmove(s, s + lead, strlen(s + lead) + 1);
	if (*s == '#' || *s == ';')
		*s = '\0';
	for (char *c = s; *c; c++)
		if ((*c == ';' || *c == '#') && c > s && isspace((unsigned char)c[-1]))
			*c-- = '\0';
	for (len = strlen(s); len && isspace((unsigned char)s[len - 1]); len--)
		s[len - 1] = '\0';
}

/* Checks S, the header of a section; a wrong one is not passed on. */
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

/*
 * Returns true for control characters: a file could otherwise contain the key that marks a
 * section.
 */
static bool ini_has_controls(const char *s)
{
	for (; *s; s++)
		if (iscntrl((unsigned char)*s) && *s != '\t' && *s != '\r')
			return true;
	return false;
}

/* Returns what is wrong with LINE of LEN bytes, of which SIZE fit; NULL: nothing. */
static const char *ini_fault(const struct ini_source *src, const char *line, size_t len,
			     size_t size)
{
	if (src->bytes > INI_BYTES_MAX)
		return "no such file is so long";
	/* Leave space for the bytes that are added to a line. */
	if (len + 3 > size)
		return "too long a line";
	if (ini_has_controls(line))
		return "a control character: this is not text";
	/*
	 * The library skips a byte order mark in the first line, and would then read a line that
	 * was not checked here.
	 */
	if (!strncmp(line, "\xef\xbb\xbf", 3))
		return "a byte order mark (\\ufeff) within the text: remove it";
	return NULL;
}

/* Reads the next line into the SIZE bytes at S. Returns false at the end or after a fatal error. */
static bool ini_read(struct ini_source *src, char *s, size_t size)
{
	const char *fault;
	char *line;
	size_t len;
	int ret;

	if (src->ends)
		return false;
	ret = text_line(&src->text, &line, &len);
	src->ends = ret <= 0;
	if (ret < 0 && !src->err)
		src->err = ret;
	if (ret == -EINVAL)
		remarks_add(src->mistakes, "%s", weir_error());
	if (ret <= 0)
		return false;
	src->line = (unsigned)src->text.line;
	src->bytes += len + 1;
	fault = ini_fault(src, line, len, size);
	if (fault)
		ini_fail(src, -EINVAL, fault);
	src->ends = src->bytes > INI_BYTES_MAX;
	memcpy(s, fault ? "" : line, fault ? 1 : len + 1);
	return !src->ends;
}

static char *ini_line(char *s, int size, void *stream)
{
	struct ini_source *src = stream;

	if (src->in_section) {
		src->in_section = false;
		snprintf(s, (size_t)size, SECTION_MARK "=\n");
		return s;
	}
	if (!ini_read(src, s, (size_t)size))
		return NULL;
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
	/* Keys in an unknown section are not counted as further mistakes. */
	if (begins)
		src->lost = err != 0;
	return 1;
}

int sim_ini_read(FILE *in, const char *path, sim_ini_fn *fn, void *user, struct remarks *mistakes)
{
	struct ini_source src = { .path = path, .fn = fn, .user = user, .mistakes = mistakes };
	int ret = text_begin(&src.text, in, path, INI_LINE_MAX);

	if (!ret)
		ret = ini_parse_stream(ini_line, &src, ini_key, &src);
	else
		src.err = ret;
	text_end(&src.text);

	if (!src.err && ret)
		return error_set(-EINVAL, "%s:%d: neither a key nor a section", path, ret);
	if (src.err && mistakes->count)
		return error_set(src.err, "%s", mistakes->line[0]);
	return src.err;
}
