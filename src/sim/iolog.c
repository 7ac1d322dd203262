/* SPDX-License-Identifier: Apache-2.0 */
/*
 * iolog.c - reads a log and sorts its ios. See iolog.h; iolog_lines.c parses the lines, and
 * iolog_add.c adds what they say.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "sim/iolog_lines.h"
#include "sim/keys.h"

#define LINE_MAX_BYTES 65536u

/* compares two ios; a flush of the same line goes before the write that requested it */
static int iolog_compare(const void *a, const void *b)
{
	const struct iolog_io *x = a, *y = b;

	if (x->time_ns != y->time_ns)
		return x->time_ns < y->time_ns ? -1 : 1;
	if (x->line != y->line)
		return x->line < y->line ? -1 : 1;
	return (y->op == IOLOG_FLUSH) - (x->op == IOLOG_FLUSH);
}

static int iolog_compare_streams(const void *a, const void *b)
{
	const struct iolog_io *x = a, *y = b;

	return x->stream != y->stream ? x->stream - y->stream : iolog_compare(a, b);
}

void iolog_by_stream(struct iolog *log)
{
	qsort(log->io, log->count, sizeof(*log->io), iolog_compare_streams);
	for (size_t i = 0; i < log->count; i++) {
		struct iolog_stream *s = &log->stream[log->io[i].stream];

		if (!s->count++)
			s->first = i;
	}
}

/* Finishes after the last line: times become ns since the first io. */
static int iolog_finish(struct iolog_reader *r)
{
	struct iolog *log = r->log;
	uint64_t first, tick = r->format ? r->format->tick_ns : 1;

	if (!log->count)
		return error_set(-EINVAL, "%s: the log contains no io", text_name(log->path));
	qsort(log->io, log->count, sizeof(*log->io), iolog_compare);
	first = log->io[0].time_ns;
	for (size_t i = 0; i < log->count; i++) {
		struct iolog_io *io = &log->io[i];

		if (io->time_ns - first > SIM_TIME_MAX / tick)
			return error_set(-EINVAL,
					 "%s:%u: its time is more than a year after that of line "
					 "%u",
					 text_name(log->path), io->line, log->io[0].line);
		io->time_ns = (io->time_ns - first) * tick;
	}
	return 0;
}

/*
 * Detects the format from the first LINE. Returns 0, 1 if that line needs no more parsing, or
 * -errno.
 */
static int iolog_detect(struct iolog_reader *r, const char *line)
{
	const struct iolog_format *f = iolog_formats;

	while (f->is && !f->is(line))
		f++;
	if (!f->is)
		return text_error(&r->text, -EINVAL,
				  "not a known log: it begins neither as text of blkparse, nor as "
				  "an iolog of fio "
				  "(version 2 or 3), nor as CSV of MSR Cambridge "
				  "(timestamp,host,disk,Read,offset,bytes,...)");
	r->format = f;
	r->log->timed = !f->timeless;
	return f->heading;
}

static int iolog_lines(struct iolog_reader *r)
{
	char *line;
	size_t len;
	int err;

	while ((err = text_line(&r->text, &line, &len)) > 0) {
		line += strspn(line, " \t");
		if (!*line)
			continue;
		err = r->format ? 0 : iolog_detect(r, line);
		if (!err && r->format)
			err = r->format->line(r, line);
		else if (err > 0)
			err = 0;
		if (err)
			break;
	}
	return err < 0 ? err : iolog_finish(r);
}

int iolog_read(struct iolog *log, const char *path, size_t max)
{
	struct iolog_reader r = { .log = log, .max = max };
	FILE *in;
	int err;

	memset(log, 0, sizeof(*log));
	log->path = strdup(path);
	if (!log->path)
		return error_set(-ENOMEM, "%s: out of memory", path);
	in = text_open(path);
	if (!in)
		return -errno;
	err = text_begin(&r.text, in, text_name(path), LINE_MAX_BYTES);
	if (!err)
		err = iolog_lines(&r);
	text_end(&r.text);
	text_close(in);
	return err;
}

void iolog_free(struct iolog *log)
{
	free(log->path);
	free(log->io);
	memset(log, 0, sizeof(*log));
}
