/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trace_json.c - reads traces as JSON lines, one request a line. Mooncake's traces have times in
 * milliseconds; Bailian's (Qwen) have times in seconds, and their requests have a chat_id. One
 * thread for each reader.
 */
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "cli/blockid.h"
#include "cli/trace_lines.h"
#include "text/text.h"

static int trace_read_ids(struct trace *t, const struct text *line, const json_t *ids)
{
	size_t n = json_array_size(ids);

	for (size_t i = 0; i < n; i++) {
		const json_t *value = json_array_get(ids, i);
		uint64_t id;
		int err;

		if (json_is_integer(value))
			id = blockid_signed(json_integer_value(value));
		else if (json_is_string(value))
			id = blockid_text(json_string_value(value), json_string_length(value));
		else
			return text_error(line, -EINVAL,
					  "\"hash_ids\"[%zu] is not an id: a whole number or a "
					  "string",
					  i);
		err = trace_add_ids(t, &id, 1);
		if (err < 0)
			return err;
	}
	return 0;
}

/* Reads the time. A request without a timestamp gets the time of the request before it. */
static int trace_read_time(const struct trace_reader *r, const json_t *timestamp, uint64_t *time_ns)
{
	const struct trace *t = r->trace;

	if (!timestamp) {
		*time_ns = t->count ? t->requests[t->count - 1].time_ns : 0;
		return 0;
	}
	if (!json_is_number(timestamp))
		return text_error(r->line, -EINVAL, "\"timestamp\" is not a number of %s",
				  t->format == TRACE_MOONCAKE ? "milliseconds" : "seconds");
	return trace_time(r, "\"timestamp\"", json_number_value(timestamp), time_ns);
}

static int trace_read_request(struct trace_reader *r, const json_t *root)
{
	const json_t *ids = json_object_get(root, "hash_ids");
	const struct text *line = r->line;
	struct trace *t = r->trace;
	uint64_t time_ns = 0;
	int err;

	if (!json_is_object(root))
		return text_error(line, -EINVAL,
				  "not a JSON object: a request is {\"timestamp\": TIME, "
				  "\"hash_ids\": [ID, ...]}");
	if (!ids)
		return text_error(line, -EINVAL, "\"hash_ids\" is missing");
	if (!json_is_array(ids))
		return text_error(line, -EINVAL, "\"hash_ids\" is not an array of ids");
	/* The first request decides on the format, so that all times of a trace have one unit. */
	if (t->format == TRACE_AUTO)
		t->format = json_object_get(root, "chat_id") ? TRACE_BAILIAN : TRACE_MOONCAKE;
	err = trace_read_time(r, json_object_get(root, "timestamp"), &time_ns);
	if (!err)
		err = trace_add_request(t, time_ns);
	return err ? err : trace_read_ids(t, line, ids);
}

int trace_json_line(struct trace_reader *r, const char *text, size_t len)
{
	json_error_t error;
	json_t *root;
	char *quoted;
	int err;

	if (blockid_quote(text, len, &quoted) < 0)
		return trace_no_memory();
	if (quoted)
		len = strlen(quoted);
	root = json_loadb(quoted ? quoted : text, len, JSON_REJECT_DUPLICATES, &error);
	free(quoted);
	if (!root && json_error_code(&error) == json_error_out_of_memory)
		return trace_no_memory();
	if (!root)
		return text_error(r->line, -EINVAL, "not JSON: %s (column %d)", error.text,
				  error.column);
	err = trace_read_request(r, root);
	json_decref(root);
	return err;
}
