/* SPDX-License-Identifier: Apache-2.0 */
/*
 * window.h - the blocks that one client of a replay has in flight: a ring of slots, each with its
 * operation, its key and an aligned buffer.
 *
 * A client puts an id into a slot, goes on, and waits for the slot when its turn comes. A window
 * belongs to one thread; the store touches a slot from submit until its end.
 */
#ifndef WINDOW_H
#define WINDOW_H

#include <assert.h>

#include <weir/store.h>

#include "base/hist.h"
#include "cli/content.h"

struct window_slot {
	struct weir_store_op op;
	char key[CONTENT_KEY_LEN + 1];
	uint64_t id;
	uint64_t start_ns;
	uint64_t end_ns; /* 0 until it has ended; set on the store's loop */
	void *buf;
};

struct window {
	struct weir_store *store;
	struct window_slot *slots;
	uint32_t depth;
	uint64_t block_bytes;
	void *memory; /* of all buffers */
	/* How late the running request is: what its operations took counts from when they were
	 * due. */
	uint64_t lag_ns;
	struct hist get, put; /* latencies */
};

/* Makes a window of DEPTH slots for blocks of BLOCK_BYTES. 0 or -ENOMEM. */
int window_open(struct window *w, struct weir_store *store, uint32_t depth, uint64_t block_bytes);

/* Frees W; nothing is in flight. */
void window_close(struct window *w);

/* Slot I, counted round the ring. */
static inline struct window_slot *window_slot(struct window *w, uint64_t i)
{
	assert(w->depth > 0);
	return &w->slots[i % w->depth];
}

/* Begins to get block ID into the idle slot S. */
void window_get(struct window *w, struct window_slot *s, uint64_t id);

/* Begins to put block ID from the idle slot S; FLAGS as for weir_store_put(). */
void window_put(struct window *w, struct window_slot *s, uint64_t id, uint32_t flags);

/* Waits for S and returns its result; a get of a block with another length is -ENOENT. */
int window_wait(struct window *w, struct window_slot *s);

/* What the RESULT (negative) of an operation on a block means, in words. Any thread. */
const char *window_words(int result);

#endif
