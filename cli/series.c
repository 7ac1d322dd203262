/* SPDX-License-Identifier: Apache-2.0 */
/* series.c - reads the CSV of `weir sim --series`. See series.h. */
#include "cli/series.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"

#define FIELDS 12
#define SERIES_LINES_MAX 12288 /* 4096 jobs in three directions */

static const char *const series_dirs[] = { "reads", "writes", "trims" };

/* The arrays of a line, in the order of the fields in a file. */
static double **series_column(struct series_line *l, size_t i)
{
	double **const columns[] = { &l->begin_s, &l->end_s,  &l->iops,	 &l->mbps,
				     &l->mean_ns, &l->p50_ns, &l->p99_ns };

	return i < sizeof(columns) / sizeof(columns[0]) ? columns[i] : NULL;
}

static int series_grow(struct series_line *l)
{
	size_t room = l->room ? 2 * l->room : 64;

	for (size_t i = 0; series_column(l, i); i++) {
		double *more = reallocarray(*series_column(l, i), room, sizeof(*more));

		if (!more)
			return -ENOMEM;
		*series_column(l, i) = more;
	}
	l->room = room;
	return 0;
}

/* Finds the line of JOB and DIRECTION, or makes it. */
static struct series_line *series_line(struct series *s, const char *job, unsigned direction)
{
	struct series_line *more;

	for (size_t i = s->lines; i-- > 0;)
		if (s->line[i].direction == direction && !strcmp(s->line[i].job, job))
			return &s->line[i];
	if (s->lines == SERIES_LINES_MAX)
		return NULL;
	more = reallocarray(s->line, s->lines + 1, sizeof(*more));
	if (!more)
		return NULL;
	s->line = more;
	more = &s->line[s->lines++];
	*more = (struct series_line){ .direction = direction };
	snprintf(more->job, sizeof(more->job), "%s", job);
	snprintf(more->name, sizeof(more->name), "%.79s, %s", more->job, series_dirs[direction]);
	return more;
}

static int series_add(struct series *s, char *field[FIELDS])
{
	struct series_line *l;
	static const size_t of[] = { 0, 1, 6, 7, 8, 9, 10 };
	double value[sizeof(of) / sizeof(of[0])];
	unsigned direction = 0;
	size_t n;

	while (direction < 3 && strcmp(field[3], series_dirs[direction]))
		direction++;
	if (direction == 3)
		return -EINVAL;
	for (size_t i = 0; i < sizeof(of) / sizeof(of[0]); i++) {
		value[i] = strtod(field[of[i]], NULL);
		if (!isfinite(value[i]) || value[i] < 0)
			return -EINVAL;
	}
	l = series_line(s, field[2], direction);
	if (!l || (l->n == l->room && series_grow(l)))
		return -ENOMEM;
	n = l->n++;
	for (size_t i = 0; series_column(l, i); i++)
		(*series_column(l, i))[n] = value[i];
	l->begin_s[n] /= 1e9;
	l->end_s[n] /= 1e9;
	return 0;
}

/* Cuts the first field of CSV (RFC 4180) from *LINE, as strsep() does; in quotes, "" is one. */
static char *series_field(char **line)
{
	char *from, *to, *field;

	if (**line != '"')
		return strsep(line, ",");
	field = to = *line;
	for (from = field + 1; *from && (*from != '"' || from[1] == '"'); from++) {
		from += *from == '"';
		*to++ = *from;
	}
	*line = *from ? from + 1 : from;
	if (**line && **line != ',')
		return NULL;
	*to = '\0';
	strsep(line, ",");
	return field;
}

int series_read(struct series *s, char *text, const char *path)
{
	unsigned number = 0;
	char *line;

	*s = (struct series){ .path = strdup(path) };
	while ((line = strsep(&text, "\n"))) {
		char *field[FIELDS];
		size_t n = 0;
		int err = -EINVAL;

		if (!number++ || !*line)
			continue;
		while (n < FIELDS && line && (field[n] = series_field(&line)))
			n++;
		if (n == FIELDS && !line)
			err = series_add(s, field);
		if (err)
			return error_set(err, "%s:%u: %s", path, number,
					 err == -EINVAL ? "no line of weir sim --series"
							: "out of memory");
	}
	return 0;
}

void series_free(struct series *s)
{
	for (size_t i = 0; i < s->lines; i++)
		for (size_t k = 0; series_column(&s->line[i], k); k++)
			free(*series_column(&s->line[i], k));
	free(s->line);
	free(s->path);
	*s = (struct series){ .path = NULL };
}
