/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trace_read.c - reads a trace from a file, and recognises its format. One thread for each reader.
 */
#include <errno.h>
#include <string.h>

#include "cli/trace_lines.h"
#include "text/text.h"

/* A prompt of a million tokens, with an id for every 16 of them, is a line of 2 MB. */
#define TRACE_LINE_MAX (64u << 20)

/* Reads the first line that is not empty and decides whether the file has rows or objects. */
static int trace_read_first(struct trace_reader *r, char *text, size_t len)
{
	bool rows = r->opts->format == TRACE_MLPERF;

	if (r->opts->format == TRACE_AUTO)
		rows = trace_csv_is_header(text);
	r->trace->format = rows ? TRACE_MLPERF : r->opts->format;
	return rows ? trace_csv_header(r, text) : trace_json_line(r, text, len);
}

static int trace_read_line(struct trace_reader *r, char *text, size_t len)
{
	bool first = !r->begun;

	if (strspn(text, " \t\r\n") == len)
		return 0;
	r->begun = true;
	if (first)
		return trace_read_first(r, text, len);
	if (r->trace->format == TRACE_MLPERF)
		return trace_csv_line(r, text);
	return trace_json_line(r, text, len);
}

int trace_read(struct trace *t, FILE *in, const char *name, const struct trace_opts *opts)
{
	struct text text;
	struct trace_reader r = { .trace = t, .opts = opts, .line = &text };
	char *line;
	size_t len;
	int err = text_begin(&text, in, name, TRACE_LINE_MAX);

	while (!err && (!opts->limit || t->count < opts->limit)) {
		err = text_line(&text, &line, &len);
		if (err <= 0)
			break;
		err = trace_read_line(&r, line, len);
	}
	text_end(&text);
	return err;
}

int trace_load(struct trace *t, const char *path, const struct trace_opts *opts)
{
	FILE *in = text_open(path);
	int err;

	if (!in)
		return -errno;
	err = trace_read(t, in, text_name(path), opts);
	text_close(in);
	return err;
}
