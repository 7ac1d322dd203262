/* SPDX-License-Identifier: Apache-2.0 */
/*
 * room.h - how many bytes of puts may be admitted and not yet written.
 *
 * Puts beyond that wait in their log. Logs whose puts wait stand in a queue: the first one gets the
 * room that becomes free, and then goes to the end.
 */
#ifndef STORE_LOG_ROOM_H
#define STORE_LOG_ROOM_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

struct log;
struct logs;
struct weir_store_op;

TAILQ_HEAD(room_queue, log);

struct room {
	uint64_t bytes, max; /* of values */
	uint64_t waits;	     /* times that a log had to wait */
	struct room_queue queue;
};

/* What a log has to do with it. */
struct room_log {
	TAILQ_ENTRY(log) link;
	bool queued;
	bool took;    /* in this round: room for a put */
	bool missing; /* there was none for the next put */
};

/* MAX is weir_store_opts.max_put_bytes. */
void room_init(struct room *room, uint64_t max);
/* L begins to admit operations. */
void room_begin(struct log *l);
/* Returns true if OP may be admitted by L, which has admitted OPEN bytes of puts that are not
 * submitted yet. One put may in any case, however long it is. */
bool room_has(struct log *l, uint64_t open, const struct weir_store_op *op);
/* L has admitted what it could. */
void room_end(struct log *l);
/* Writes of BYTES of puts begin (have ended). */
void room_take(struct logs *ls, uint64_t bytes);
void room_give(struct logs *ls, uint64_t bytes);

#endif
