/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trace.h - a KV-cache trace in memory: which blocks each request of a chat service needs.
 *
 * As a file it is JSON lines, one request a line: {"timestamp": 27, "hash_ids": [0, 1, 2]}, time in
 * ms, and one id for each block of the prompt (see blockid.h); equal ids are equal prefix blocks.
 * Other fields are ignored. Who made a trace owns it; once made it is only read, by any thread.
 */
#ifndef TRACE_H
#define TRACE_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct trace_request {
	uint64_t time_ns; /* since the trace began */
	size_t first;	  /* of its ids, in trace.ids */
	size_t count;
};

/* Start from { 0 }. */
struct trace {
	struct trace_request *requests;
	size_t count, room;
	uint64_t *ids; /* of all requests, one after the other */
	size_t id_count, id_room;
	uint64_t chats; /* conversations, where that is known; else 0 */
};

/* Adds a request without ids at TIME_NS. 0 or -ENOMEM. */
int trace_add_request(struct trace *t, uint64_t time_ns);

/* Adds N ids to the last request. 0 or -ENOMEM. */
int trace_add_ids(struct trace *t, const uint64_t *ids, size_t n);

/*
 * Reads a trace from IN until its end or until it has LIMIT requests (0: no limit). NAME is what
 * errors call it: they name the line too. 0, -EINVAL, -EIO or -ENOMEM; T is to be freed in any
 * case.
 */
int trace_read(struct trace *t, FILE *in, const char *name, size_t limit);

/* As trace_read(), from the file at PATH; "-" is stdin. Errors: those of open() too. */
int trace_load(struct trace *t, const char *path, size_t limit);

/* The ids of request I. */
static inline const uint64_t *trace_ids(const struct trace *t, size_t i)
{
	return t->ids + t->requests[i].first;
}

/* Frees what T holds. */
void trace_free(struct trace *t);

#endif
