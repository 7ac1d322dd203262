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
#include "cli/blockid.h"
#include "cli/trace.h"
#include "text/text.h"

/* A prompt of a million tokens with an id for every 16 of them has 2 MB. */
#define TRACE_LINE_MAX (64u << 20)
/* Times are kept in ns: later ones would not fit. */
#define TRACE_MS_MAX ((double)(INT64_MAX / (int64_t)NSEC_PER_MSEC))

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

static int trace_read_ids(struct trace *t, const struct text *line, const json_t *ids)
{
	size_t n = json_array_size(ids);

	for (size_t i = 0; i < n; i++) {
		const json_t *value = json_array_get(ids, i);
		uint64_t id;
		int ret;

		if (json_is_integer(value))
			id = blockid_signed(json_integer_value(value));
		else if (json_is_string(value))
			id = blockid_text(json_string_value(value), json_string_length(value));
		else
			return text_error(line, -EINVAL,
					  "\"hash_ids\"[%zu] is not an id: a whole number or a "
					  "string",
					  i);
		ret = trace_add_ids(t, &id, 1);
		if (ret < 0)
			return ret;
	}
	return 0;
}

/* A request without a timestamp comes together with the one before it. */
static int trace_read_time(const struct trace *t, const struct text *line, const json_t *timestamp,
			   uint64_t *time_ns)
{
	double ms;

	if (!timestamp) {
		*time_ns = t->count ? t->requests[t->count - 1].time_ns : 0;
		return 0;
	}
	if (!json_is_number(timestamp))
		return text_error(line, -EINVAL, "\"timestamp\" is not a number of milliseconds");
	ms = json_number_value(timestamp);
	if (!(ms >= 0 && ms <= TRACE_MS_MAX))
		return text_error(line, -EINVAL, "\"timestamp\" is not from 0 to %.0f milliseconds",
				  TRACE_MS_MAX);
	*time_ns = (uint64_t)(ms * (double)NSEC_PER_MSEC);
	return 0;
}

static int trace_read_request(struct trace *t, const struct text *line, const json_t *root)
{
	const json_t *ids = json_object_get(root, "hash_ids");
	uint64_t time_ns = 0;
	int ret;

	if (!json_is_object(root))
		return text_error(line, -EINVAL,
				  "not a JSON object: a request is {\"timestamp\": MS, "
				  "\"hash_ids\": [ID, ...]}");
	if (!ids)
		return text_error(line, -EINVAL, "\"hash_ids\" is missing");
	if (!json_is_array(ids))
		return text_error(line, -EINVAL, "\"hash_ids\" is not an array of ids");
	ret = trace_read_time(t, line, json_object_get(root, "timestamp"), &time_ns);
	if (!ret)
		ret = trace_add_request(t, time_ns);
	return ret ? ret : trace_read_ids(t, line, ids);
}

static int trace_read_line(struct trace *t, const struct text *line, const char *text, size_t len)
{
	json_error_t error;
	json_t *root;
	int ret;

	char *quoted;

	if (strspn(text, " \t\r\n") == len)
		return 0;
	if (blockid_quote(text, len, &quoted) < 0)
		return trace_no_memory();
	if (quoted)
		len = strlen(quoted);
	root = json_loadb(quoted ? quoted : text, len, JSON_REJECT_DUPLICATES, &error);
	free(quoted);
	if (!root && json_error_code(&error) == json_error_out_of_memory)
		return trace_no_memory();
	if (!root)
		return text_error(line, -EINVAL, "not JSON: %s (column %d)", error.text,
				  error.column);
	ret = trace_read_request(t, line, root);
	json_decref(root);
	return ret;
}

int trace_read(struct trace *t, FILE *in, const char *name, size_t limit)
{
	struct text text;
	char *line;
	size_t len;
	int ret = text_begin(&text, in, name, TRACE_LINE_MAX);

	while (!ret && (!limit || t->count < limit)) {
		ret = text_line(&text, &line, &len);
		if (ret <= 0)
			break;
		ret = trace_read_line(t, &text, line, len);
	}
	text_end(&text);
	return ret;
}

int trace_load(struct trace *t, const char *path, size_t limit)
{
	FILE *in = text_open(path);
	int ret;

	if (!in)
		return -errno;
	ret = trace_read(t, in, text_name(path), limit);
	text_close(in);
	return ret;
}

void trace_free(struct trace *t)
{
	free(t->requests);
	free(t->ids);
	*t = (struct trace){ 0 };
}
