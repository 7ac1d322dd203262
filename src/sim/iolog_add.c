/* SPDX-License-Identifier: Apache-2.0 */
/* iolog_add.c - adds ios and streams to a log while it is read. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "sim/iolog_lines.h"

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
