/* SPDX-License-Identifier: Apache-2.0 */
/*
 * shares.c - the table of sessions. See shares.h.
 */
#include "store/shares.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/error.h"
#include "base/thread.h"
#include "store/session.h"

#define SHARES_MAX 64u		   /* the ranks of a large node */
#define SHARES_MEMORY (1ull << 30) /* eight times what a client takes that does not say */

LIST_HEAD(session_table, session);

struct shares {
	struct weir_store *store;
	uint64_t max_memory;  /* that a client may give */
	pthread_mutex_t lock; /* for the rest */
	struct session_table sessions;
	uint32_t count, running;
	bool stopping;
};

/* A session, and the table that it is in, for its thread. */
struct shares_start {
	struct shares *home;
	struct session *x;
};

struct shares *shares_make(struct weir_store *s, uint64_t max_memory)
{
	struct shares *h = calloc(1, sizeof(*h));

	if (!h)
		return NULL;
	h->store = s;
	h->max_memory = max_memory ? max_memory : SHARES_MEMORY;
	pthread_mutex_init(&h->lock, NULL);
	LIST_INIT(&h->sessions);
	return h;
}

static void *shares_thread(void *arg)
{
	struct shares_start start = *(struct shares_start *)arg;

	free(arg);
	session_run(start.x);
	pthread_mutex_lock(&start.home->lock);
	start.x->done = true;
	start.home->running--;
	pthread_mutex_unlock(&start.home->lock);
	return NULL;
}

/* Takes a session out of the table whose thread has ended; NULL: there is none. With ALL also one
 * whose thread has not. */
static struct session *shares_pop(struct shares *h, bool all)
{
	struct session *x;

	pthread_mutex_lock(&h->lock);
	LIST_FOREACH(x, &h->sessions, link)
		if (all || x->done)
			break;
	if (x) {
		LIST_REMOVE(x, link);
		h->count--;
	}
	pthread_mutex_unlock(&h->lock);
	return x;
}

static void shares_reap(struct shares *h, bool all)
{
	struct session *x;

	while ((x = shares_pop(h, all))) {
		pthread_join(x->thread, NULL);
		session_free(x);
	}
}

/* Starts the thread of X, and puts X into the table. */
static int shares_enter(struct shares *h, struct session *x)
{
	struct shares_start *start = malloc(sizeof(*start));
	int err = start ? 0 : -ENOMEM;

	if (!start)
		return error_sys(err, "cannot share the store");
	*start = (struct shares_start){ h, x };
	pthread_mutex_lock(&h->lock);
	if (h->stopping)
		err = error_set(-ESHUTDOWN, "the store is being closed");
	else if (h->count >= SHARES_MAX)
		err = error_set(-EBUSY, "%u processes share the store already", SHARES_MAX);
	if (!err) {
		err = thread_start(&x->thread, "weir-share", shares_thread, start);
		if (err)
			error_sys(err, "cannot start a thread");
	}
	if (!err) {
		LIST_INSERT_HEAD(&h->sessions, x, link);
		h->count++;
		h->running++;
	}
	pthread_mutex_unlock(&h->lock);
	if (err)
		free(start);
	return err;
}

static int shares_offer(const struct shares *h, struct share_offer *offer)
{
	struct weir_store_info info = WEIR_STORE_INFO_INIT;
	int err = weir_store_get_info(h->store, &info);
	uint64_t longest = (info.max_value_bytes + ARENA_GRAIN - 1) / ARENA_GRAIN * ARENA_GRAIN;

	*offer = (struct share_offer){ .slots = SHARE_SLOTS,
				       .max_value = info.max_value_bytes,
				       .max_memory = h->max_memory };
	if (offer->max_memory < 2 * longest)
		offer->max_memory = 2 * longest;
	if (offer->max_memory > ARENA_BYTES_MAX)
		offer->max_memory = ARENA_BYTES_MAX;
	return err;
}

static int shares_send(struct control_conn *conn, const struct share_offer *offer)
{
	int err = control_send(conn, offer, sizeof(*offer));

	return err ? err : control_end(conn, 0);
}

int shares_begin(struct shares *h, struct control_conn *conn)
{
	struct share_offer offer;
	struct session *x;
	int fd, err = shares_offer(h, &offer);

	if (err)
		return control_end(conn, err);
	shares_reap(h, false);
	fd = control_take(conn);
	if (fd < 0)
		return control_end(conn, fd);
	x = session_make(h->store, fd, offer.max_memory);
	if (!x)
		return control_end(conn, -ENOMEM);
	/* The thread has nothing to read before the client has seen the offer. */
	err = shares_enter(h, x);
	if (err) {
		session_free(x);
		return control_end(conn, err);
	}
	err = shares_send(conn, &offer);
	return err ? err : CONTROL_TAKEN;
}

void shares_stop(struct shares *h)
{
	struct session *x;

	pthread_mutex_lock(&h->lock);
	h->stopping = true;
	LIST_FOREACH(x, &h->sessions, link)
		session_stop(x);
	pthread_mutex_unlock(&h->lock);
}

bool shares_are_quiet(const void *shares)
{
	struct shares *h = (struct shares *)(uintptr_t)shares;
	bool quiet;

	pthread_mutex_lock(&h->lock);
	quiet = h->stopping && !h->running;
	pthread_mutex_unlock(&h->lock);
	return quiet;
}

void shares_free(struct shares *h)
{
	shares_reap(h, true);
	pthread_mutex_destroy(&h->lock);
	free(h);
}

void shares_leave(struct shares *h)
{
	struct session *x;

	LIST_FOREACH(x, &h->sessions, link)
		session_leave(x);
}
