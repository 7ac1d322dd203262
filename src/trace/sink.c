/* SPDX-License-Identifier: Apache-2.0 */
/* sink.c - words for what records have as numbers. Owns nothing. */
#include "trace/sink.h"

const char *sink_op_word(uint8_t op)
{
	static const char *const words[] = { "read",	"write",	"flush",
					     "discard", "write-zeroes", "placement" };

	return op < sizeof(words) / sizeof(*words) ? words[op] : "io";
}

const char *sink_reason(const struct sink_world *world, const struct trace_record *r)
{
	if (!r->reason || r->sched >= world->nr_scheds || !world->scheds[r->sched].reasons)
		return NULL;
	return world->scheds[r->sched].reasons[r->reason - 1];
}
