/* SPDX-License-Identifier: Apache-2.0 */
/* iolog.c - collects the ios of a log. See iolog.h; iolog_lines.c parses the lines. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "sim/iolog_lines.h"
#include "sim/keys.h"

#define LINE_MAX_BYTES 65536u

int iolog_add(struct iolog_reader *r, struct iolog_io io)
{
	struct iolog *log = r->log;

	if (log->count == r->max)
		return text_error(&r->text, -E2BIG,
				  "more than %u ios in all logs: use a shorter log", IOLOG_MAX);
	if (log->count == r->room) {
		size_t room = r->room ? 2 * r->room : 1024;
		struct iolog_io *more = reallocarray(log->io, room, sizeof(*more));

		if (!more)
			return text_error(&r->text, -ENOMEM, "out of memory");
		log->io = more;
		r->room = room;
	}
	io.line = (uint32_t)r->text.line;
	log->io[log->count++] = io;
	return 0;
}

static void iolog_name(char *to, const char *from)
{
	size_t length = strlen(from), i = 0;

	for (; i < IOLOG_NAME_MAX - 1 && i < length; i++)
		to[i] = (char)(from[i] >= ' ' && from[i] <= '~' ? from[i] : '?');
	to[i] = '\0';
}

uint8_t iolog_stream(struct iolog_reader *r, const char *key, const char *name)
{
	struct iolog *log = r->log;
	struct iolog_stream *s = log->stream;

	for (size_t i = 0; i < log->nr_streams && i < IOLOG_STREAMS; i++)
		if (!strncmp(s[i].key, key, IOLOG_NAME_MAX - 1))
			return (uint8_t)i;
	if (log->nr_streams >= IOLOG_STREAMS) {
		iolog_name(s[IOLOG_STREAMS].name, "others");
		log->nr_streams = IOLOG_STREAMS + 1;
		return IOLOG_STREAMS;
	}
	strncpy(s[log->nr_streams].key, key, IOLOG_NAME_MAX - 1);
	iolog_name(s[log->nr_streams].name, name);
	return (uint8_t)log->nr_streams++;
}

void iolog_forget(struct iolog_reader *r)
{
	r->log->count = 0;
	r->log->nr_streams = 0;
	memset(r->log->stream, 0, sizeof(r->log->stream));
}

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
