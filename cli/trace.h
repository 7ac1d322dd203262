/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trace.h - a KV-cache trace in memory: which blocks each request of a chat service needs.
 *
 * A file of prompts is JSON lines, one request a line: {"timestamp": 27, "hash_ids": [0, 1, 2]},
 * and one id for each block of the prompt (see blockid.h); equal ids are equal prefix blocks. Times
 * are in ms (Mooncake's traces), or in s where requests have a "chat_id" (Bailian's). Other fields
 * are ignored. A file of objects is CSV (MLPerf Storage's), one read or write of an object a row.
 *
 * Who made a trace owns it; once made it is only read, by any thread.
 */
#ifndef TRACE_H
#define TRACE_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum trace_format {
	TRACE_AUTO, /* what the first line looks like */
	TRACE_MOONCAKE,
	TRACE_BAILIAN,
	TRACE_MLPERF,
};

enum trace_kind {
	TRACE_PROMPT, /* the leading blocks are got, the rest is put */
	TRACE_READ,   /* an object is got */
	TRACE_WRITE,  /* an object is put */
};

struct trace_request {
	uint64_t time_ns; /* on the trace's clock, which need not begin at 0 */
	size_t first;	  /* of its ids, in trace.ids; an object has one */
	size_t count;	  /* blocks */
	enum trace_kind kind;
};

/* Start from { 0 }. */
struct trace {
	struct trace_request *requests;
	size_t count, room;
	uint64_t *ids; /* of all requests, one after the other */
	size_t id_count, id_room;
	uint64_t chats;		  /* conversations, where that is known; else 0 */
	enum trace_format format; /* what it was read as; TRACE_AUTO: nothing was read */
	uint64_t skipped;	  /* rows of tiers that are not played */
};

/* Tiers of an object, as bits: 1 << 2 is Tier-2. */
#define TRACE_TIERS 3
#define TRACE_ALL_TIERS ((1u << TRACE_TIERS) - 1)

struct trace_opts {
	enum trace_format format;
	size_t limit;	      /* requests that are read; 0: all */
	uint64_t block_bytes; /* above 0: what objects are cut into */
	unsigned tiers;	      /* of objects that are played */
};

/* An object that is got or put. */
struct trace_object {
	uint64_t time_ns;
	uint64_t id;
	size_t blocks;
	enum trace_kind kind;
};

/* The name of FORMAT, as --trace-format takes it. */
const char *trace_format_name(enum trace_format format);

/* The format that is called NAME. 0 or -EINVAL. */
int trace_format_find(const char *name, enum trace_format *format);

/* Adds a request without ids at TIME_NS. 0 or -ENOMEM. */
int trace_add_request(struct trace *t, uint64_t time_ns);

/* Adds N ids to the last request. 0 or -ENOMEM. */
int trace_add_ids(struct trace *t, const uint64_t *ids, size_t n);

/* Adds a request for an object. 0 or -ENOMEM. */
int trace_add_object(struct trace *t, const struct trace_object *object);

/*
 * Reads a trace from IN until its end or the limit. NAME is what errors call it: they name the line
 * too, and the field. 0, -EINVAL, -EIO or -ENOMEM; T is to be freed in any case.
 */
int trace_read(struct trace *t, FILE *in, const char *name, const struct trace_opts *opts);

/* As trace_read(), from the file at PATH; "-" is stdin. Errors: those of open() too. */
int trace_load(struct trace *t, const char *path, const struct trace_opts *opts);

/* The ids of request I, as they were added. */
static inline const uint64_t *trace_ids(const struct trace *t, size_t i)
{
	return t->ids + t->requests[i].first;
}

/*
 * The ids of the blocks of request I: those in the trace, or, of an object, made in ROOM, which has
 * place for all. Valid as long as both are.
 */
const uint64_t *trace_blocks(const struct trace *t, size_t i, uint64_t *room);

/* Frees what T holds. */
void trace_free(struct trace *t);

#endif
