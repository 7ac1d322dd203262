/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trace.h - a KV-cache trace in memory: the blocks that each request of a chat service needs.
 *
 * A file of prompts has one request a line, as JSON: {"timestamp": 27, "hash_ids": [0, 1, 2]},
 * with one id for each block of the prompt (see blockid.h). Equal ids are equal blocks of a
 * prefix. Times are in ms (Mooncake's traces), or in s if requests have a "chat_id" (Bailian's).
 * Other members are ignored. A file of objects is CSV (MLPerf Storage's), with one read or write
 * of an object a row.
 *
 * Whoever made a trace owns it. A complete trace is only read, by any thread.
 */
#ifndef TRACE_H
#define TRACE_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum trace_format {
	TRACE_AUTO, /* the first line decides */
	TRACE_MOONCAKE,
	TRACE_BAILIAN,
	TRACE_MLPERF,
};

enum trace_kind {
	TRACE_PROMPT, /* the leading blocks are read, the other ones are put */
	TRACE_READ,   /* an object is read */
	TRACE_WRITE,  /* an object is put */
};

struct trace_request {
	uint64_t time_ns; /* time on the trace's clock, which may begin at any value */
	size_t first;	  /* index of its first id in trace.ids; an object has one id */
	size_t count;	  /* number of blocks */
	enum trace_kind kind;
};

/* A trace. Initialise it with { 0 }. */
struct trace {
	struct trace_request *requests;
	size_t count, room;
	uint64_t *ids; /* the ids of all requests, one request after the other */
	size_t id_count, id_room;
	uint64_t chats;		  /* number of conversations if it is known, else 0 */
	enum trace_format format; /* the format that was found; TRACE_AUTO: nothing was read */
	uint64_t skipped;	  /* number of rows whose tier is not played */
};

/* The tiers of objects are bits: 1 << 2 is Tier-2. */
#define TRACE_TIERS 3
#define TRACE_ALL_TIERS ((1u << TRACE_TIERS) - 1)

struct trace_opts {
	enum trace_format format;
	size_t limit;	      /* the largest number of requests to read; 0: all */
	uint64_t block_bytes; /* above 0: the size of the blocks into which objects are split */
	unsigned tiers;	      /* the tiers whose objects are played */
};

/* An object that is read or put. */
struct trace_object {
	uint64_t time_ns;
	uint64_t id;
	size_t blocks;
	enum trace_kind kind;
};

/* Returns the name of FORMAT, as --trace-format takes it. */
const char *trace_format_name(enum trace_format format);

/* Finds the format that is called NAME. Returns 0 or -EINVAL. */
int trace_format_find(const char *name, enum trace_format *format);

/* Adds a request without ids at TIME_NS. Returns 0 or -ENOMEM. */
int trace_add_request(struct trace *t, uint64_t time_ns);

/* Adds N ids to the last request. Returns 0 or -ENOMEM. */
int trace_add_ids(struct trace *t, const uint64_t *ids, size_t n);

/* Adds a request for an object. Returns 0 or -ENOMEM. */
int trace_add_object(struct trace *t, const struct trace_object *object);

/*
 * Reads a trace from IN until its end or the limit. Error messages call it NAME and give the line
 * and the field. Returns 0, -EINVAL, -EIO or -ENOMEM; the caller frees T in every case.
 */
int trace_read(struct trace *t, FILE *in, const char *name, const struct trace_opts *opts);

/*
 * Does the same as trace_read(), for the file at PATH; "-" is stdin. It may also return errors of
 * open().
 */
int trace_load(struct trace *t, const char *path, const struct trace_opts *opts);

/* Returns the ids of request I, as they were added. */
static inline const uint64_t *trace_ids(const struct trace *t, size_t i)
{
	return t->ids + t->requests[i].first;
}

/*
 * Returns the ids of the blocks of request I: those in the trace, or, for an object, ids that are
 * computed into ROOM, which has space for all of them. The result is valid as long as both T and
 * ROOM are.
 */
const uint64_t *trace_blocks(const struct trace *t, size_t i, uint64_t *room);

/* Frees what T holds. */
void trace_free(struct trace *t);

#endif
