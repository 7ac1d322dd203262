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
#include "text/text.h"

#define SECTION_MARK "\x01"
#define INI_LINE_MAX 65536u
#define INI_BYTES_MAX (4u << 20)
/* What the library keeps of the name of a section. */
#define SECTION_MAX 48

struct ini_source {
	struct text text;
	const char *path;
	sim_ini_fn *fn;
	void *user;
	struct remarks *mistakes;
	unsigned line;
	size_t bytes;	 /* read so far */
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
	size_t lead = 0, len;

	/* The library would go on to skip what is left of them. */
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

/* The key that marks a section would be understood if a file had it. */
static bool ini_has_controls(const char *s)
{
	for (; *s; s++)
		if (iscntrl((unsigned char)*s) && *s != '\t' && *s != '\r')
			return true;
	return false;
}

/* What is wrong with the LEN bytes of LINE, of which SIZE fit; NULL: nothing. */
static const char *ini_fault(const struct ini_source *src, const char *line, size_t len,
			     size_t size)
{
	if (src->bytes > INI_BYTES_MAX)
		return "no such file is so long";
	/* With room for what is added to a line. */
	if (len + 3 > size)
		return "too long a line";
	if (ini_has_controls(line))
		return "a control character: this is not text";
	/* The library skips one in the first line, and would then see what was not seen here. */
	if (!strncmp(line, "\xef\xbb\xbf", 3))
		return "a byte order mark (\\ufeff) within the text: remove it";
	return NULL;
}

/* The next line to the SIZE bytes at S. False: there is none, or nothing more can be read. */
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
	/* Keys of a section that nobody knows are no mistakes of their own. */
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
		return error_set(-EINVAL, "%s:%d: no key and no section", path, ret);
	if (src.err && mistakes->count)
		return error_set(src.err, "%s", mistakes->line[0]);
	return src.err;
}
