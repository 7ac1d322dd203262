/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trace.c - reads a KV-cache trace, JSON lines, into memory. Owns nothing but the trace it fills;
 * one thread.
 */
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "cli/trace.h"

/* Times are kept in ns: later ones would not fit. */
#define TRACE_MS_MAX ((double)(INT64_MAX / (int64_t)NSEC_PER_MSEC))

/* The line that is being read, for errors. */
struct trace_line {
	const char *name;
	uint64_t number;
};

static int trace_no_memory(void)
{
	return error_set(-ENOMEM, "out of memory for the trace");
}

int trace_add_request(struct trace *t, uint64_t time_ns)
{
	if (t->count == t->room) {
		size_t room = t->room ? 2 * t->room : 1024;
		struct trace_request *requests = realloc(t->requests, room * sizeof(*requests));

		if (!requests)
			return trace_no_memory();
		t->requests = requests;
		t->room = room;
	}
	t->requests[t->count++] =
		(struct trace_request){ .time_ns = time_ns, .first = t->id_count };
	return 0;
}

int trace_add_ids(struct trace *t, const uint64_t *ids, size_t n)
{
	if (t->id_room - t->id_count < n) {
		size_t room = 2 * t->id_room + n + 4096;
		uint64_t *grown = realloc(t->ids, room * sizeof(*grown));

		if (!grown)
			return trace_no_memory();
		t->ids = grown;
		t->id_room = room;
	}
	if (n)
		memcpy(t->ids + t->id_count, ids, n * sizeof(*ids));
	t->id_count += n;
	t->requests[t->count - 1].count += n;
	return 0;
}

/* "FILE:LINE: ", then what FMT says. */
static int trace_bad(const struct trace_line *line, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

static int trace_bad(const struct trace_line *line, const char *fmt, ...)
{
	char text[256];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	return error_set(-EINVAL, "%s:%" PRIu64 ": %s", line->name, line->number, text);
}

static int trace_read_ids(struct trace *t, const struct trace_line *line, const json_t *ids)
{
	size_t n = json_array_size(ids);

	for (size_t i = 0; i < n; i++) {
		const json_t *value = json_array_get(ids, i);
		uint64_t id;
		int ret;

		if (!json_is_integer(value))
			return trace_bad(line, "\"hash_ids\"[%zu] is not a whole number", i);
		if (json_integer_value(value) < 0)
			return trace_bad(line, "\"hash_ids\"[%zu] is negative", i);
		id = (uint64_t)json_integer_value(value);
		ret = trace_add_ids(t, &id, 1);
		if (ret < 0)
			return ret;
	}
	return 0;
}

/* A request without a timestamp comes together with the one before it. */
static int trace_read_time(const struct trace *t, const struct trace_line *line,
			   const json_t *timestamp, uint64_t *time_ns)
{
	double ms;

	if (!timestamp) {
		*time_ns = t->count ? t->requests[t->count - 1].time_ns : 0;
		return 0;
	}
	if (!json_is_number(timestamp))
		return trace_bad(line, "\"timestamp\" is not a number of milliseconds");
	ms = json_number_value(timestamp);
	if (!(ms >= 0 && ms <= TRACE_MS_MAX))
		return trace_bad(line, "\"timestamp\" is not from 0 to %.0f milliseconds",
				 TRACE_MS_MAX);
	*time_ns = (uint64_t)(ms * (double)NSEC_PER_MSEC);
	return 0;
}

static int trace_read_request(struct trace *t, const struct trace_line *line, const json_t *root)
{
	const json_t *ids = json_object_get(root, "hash_ids");
	uint64_t time_ns = 0;
	int ret;

	if (!json_is_object(root))
		return trace_bad(line, "not a JSON object: a request is {\"timestamp\": MS, "
				       "\"hash_ids\": [ID, ...]}");
	if (!ids)
		return trace_bad(line, "\"hash_ids\" is missing");
	if (!json_is_array(ids))
		return trace_bad(line, "\"hash_ids\" is not an array of ids");
	ret = trace_read_time(t, line, json_object_get(root, "timestamp"), &time_ns);
	if (!ret)
		ret = trace_add_request(t, time_ns);
	return ret ? ret : trace_read_ids(t, line, ids);
}

static int trace_read_line(struct trace *t, const struct trace_line *line, const char *text,
			   size_t len)
{
	json_error_t error;
	json_t *root;
	int ret;

	if (strspn(text, " \t\r\n") == len)
		return 0;
	root = json_loadb(text, len, JSON_REJECT_DUPLICATES, &error);
	if (!root && json_error_code(&error) == json_error_out_of_memory)
		return trace_no_memory();
	if (!root)
		return trace_bad(line, "not JSON: %s (column %d)", error.text, error.column);
	ret = trace_read_request(t, line, root);
	json_decref(root);
	return ret;
}

int trace_read(struct trace *t, FILE *in, const char *name, size_t limit)
{
	struct trace_line line = { .name = name };
	char *text = NULL;
	size_t room = 0;
	ssize_t len;
	int ret = 0;

	errno = 0;
	while (!ret && (!limit || t->count < limit) && (len = getline(&text, &room, in)) >= 0) {
		line.number++;
		ret = trace_read_line(t, &line, text, (size_t)len);
	}
	free(text);
	if (!ret && ferror(in))
		return error_sys(errno ? -errno : -EIO, "%s", name);
	return ret;
}

int trace_load(struct trace *t, const char *path, size_t limit)
{
	int standard = !strcmp(path, "-");
	FILE *in = standard ? stdin : fopen(path, "re");
	int ret;

	if (!in)
		return error_sys(-errno, "%s", path);
	ret = trace_read(t, in, standard ? "standard input" : path, limit);
	if (!standard)
		fclose(in);
	return ret;
}

void trace_free(struct trace *t)
{
	free(t->requests);
	free(t->ids);
	*t = (struct trace){ 0 };
}
