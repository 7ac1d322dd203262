/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trace.c - a KV-cache trace in memory. Owns only the trace that it fills; one thread.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/prng.h"
#include "cli/trace.h"
#include "cli/trace_lines.h"

static const char *const trace_format_names[] = {
	[TRACE_AUTO] = "auto",
	[TRACE_MOONCAKE] = "mooncake",
	[TRACE_BAILIAN] = "bailian",
	[TRACE_MLPERF] = "mlperf",
};

const char *trace_format_name(enum trace_format format)
{
	return trace_format_names[format];
}

int trace_format_find(const char *name, enum trace_format *format)
{
	for (size_t i = 0; i < sizeof(trace_format_names) / sizeof(trace_format_names[0]); i++) {
		if (strcmp(trace_format_names[i], name) != 0)
			continue;
		*format = (enum trace_format)i;
		return 0;
	}
	return -EINVAL;
}

int trace_no_memory(void)
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

int trace_add_object(struct trace *t, const struct trace_object *object)
{
	int err = trace_add_request(t, object->time_ns);

	if (!err)
		err = trace_add_ids(t, &object->id, 1);
	if (err < 0)
		return err;
	t->requests[t->count - 1].kind = object->kind;
	t->requests[t->count - 1].count = object->blocks;
	return 0;
}

const uint64_t *trace_blocks(const struct trace *t, size_t i, uint64_t *room)
{
	const struct trace_request *request = &t->requests[i];
	const uint64_t *ids = trace_ids(t, i);

	if (request->kind == TRACE_PROMPT)
		return ids;
	for (size_t n = 0; n < request->count; n++)
		room[n] = prng_mix(prng_mix(*ids) + n);
	return room;
}

void trace_free(struct trace *t)
{
	free(t->requests);
	free(t->ids);
	*t = (struct trace){ 0 };
}
