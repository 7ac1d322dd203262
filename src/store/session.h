/* SPDX-License-Identifier: Apache-2.0 */
/*
 * session.h - one client that uses the store: its connection, its memory, and its requests.
 *
 * A session is owned by the table in shares.c. Its thread has all of it but what says otherwise.
 */
#ifndef STORE_SESSION_H
#define STORE_SESSION_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include <weir/store.h>

#include "base/fifo.h"
#include "base/fork.h"
#include "control/arena.h"
#include "control/share.h"

#define SESSION_SLOTS (SHARE_SLOTS + 1) /* and one for a ping */
#define SESSION_IN_BYTES 32768u
#define SESSION_OUT_BYTES 4096u

/* A request. */
struct slot {
	struct weir_store_op op; /* its `user` is the session */
	struct slot *next;	 /* of those that are free, or have ended */
	uint32_t tag;
	uint8_t key[SHARE_KEY_MAX];
};

#define SLOT_NEXT(slot) ((slot)->next)
FIFO_DEFINE(slot_list, struct slot, SLOT_NEXT)

struct session {
	struct weir_store *store;
	int fd, event; /* the connection; something has ended, or the session shall */
	struct fork_fd fd_watch, event_watch;
	struct control_arena arena;
	uint64_t max_memory;	/* that the client may give */
	pthread_mutex_t lock;	/* for `ended`, which callbacks fill */
	struct slot_list ended; /* requests whose answers are to be sent */
	struct slot_list free;
	uint32_t running;  /* slots that are not free */
	uint32_t stopping; /* atomic */
	size_t in_length, out_length;
	uint8_t in[SESSION_IN_BYTES];	/* requests that have not begun */
	uint8_t out[SESSION_OUT_BYTES]; /* answers that were not sent */
	struct slot slots[SESSION_SLOTS];
	/* The table's, under its lock. */
	LIST_ENTRY(session) link;
	pthread_t thread;
	bool done; /* the thread has nothing to do any more */
};

/* Makes a session of the connection FD, which it owns from then on, also where this fails. Its
 * client may give MAX_MEMORY bytes. NULL: with an error text. */
struct session *session_make(struct weir_store *s, int fd, uint64_t max_memory);

/* Serves the client until it is gone, or session_stop() was called. All requests have ended when
 * it returns, and the memory of the client is not used any more. */
void session_run(struct session *x);

/* Has session_run() return. Any thread. */
void session_stop(struct session *x);

void session_free(struct session *x);

/* Closes the descriptors of X in a child of fork(). */
void session_leave(struct session *x);

/* Begins the requests in x->in. Returns 0, or -EPROTO: what came is no request, or one more than
 * the offer allows. */
int session_begin(struct session *x);

/* Wakes the thread of X. Any thread. */
void session_kick(const struct session *x);

/* Notes that SLOT has ended. Any thread, callbacks included. */
void session_ended(struct session *x, struct slot *slot);

/* Moves all slots that have ended into TAKEN, which is not initialized. */
void session_take(struct session *x, struct slot_list *taken);

#endif
