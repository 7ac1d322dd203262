/* SPDX-License-Identifier: Apache-2.0 */
/*
 * window.h - the blocks that one client of a replay has in flight: a ring of slots, each with its
 * operation, its key and an aligned buffer.
 *
 * A client puts an id into a slot, continues with the next slot, and waits for a slot before it
 * uses it again. A window belongs to one thread. The store uses a slot from submit until its
 * `end`.
 */
#ifndef WINDOW_H
#define WINDOW_H

#include <assert.h>

#include <weir/store.h>

#include "base/hist.h"
#include "cli/content.h"
#include "cli/replay_series.h"

struct window_slot {
	struct weir_store_op op;
	char key[CONTENT_KEY_LEN + 1];
	uint64_t id;
	uint64_t start_ns;
	uint64_t end_ns; /* 0 until the operation has ended; set on the store's loop */
	void *buf;
};

struct window {
	struct weir_store *store;
	struct window_slot *slots;
	uint32_t depth;
	uint64_t block_bytes;
	void *memory; /* the memory of all buffers */
	/*
	 * How late the running request is. The latencies of its operations count from the time
	 * when they were due.
	 */
	uint64_t lag_ns;
	struct hist get, put;	      /* latencies of gets and puts */
	struct replay_series *series; /* not NULL: gets what ends well */
};

/* Makes a window of DEPTH slots for blocks of BLOCK_BYTES. Returns 0 or -ENOMEM. */
int window_open(struct window *w, struct weir_store *store, uint32_t depth, uint64_t block_bytes);

/* Frees W. No operation may be in flight. */
void window_close(struct window *w);

/* Returns slot I, modulo the size of the ring. */
static inline struct window_slot *window_slot(struct window *w, uint64_t i)
{
	assert(w->depth > 0);
	return &w->slots[i % w->depth];
}

/* Starts a get of block ID into the idle slot S. */
void window_get(struct window *w, struct window_slot *s, uint64_t id);

/* Starts a put of block ID from the idle slot S. FLAGS are those of weir_store_put(). */
void window_put(struct window *w, struct window_slot *s, uint64_t id, uint32_t flags);

/* Waits for S and returns its result. A get of a block that has another length gives -ENOENT. */
int window_wait(struct window *w, struct window_slot *s);

/*
 * Returns the meaning of RESULT (negative) of an operation on a block, in words. Any thread may
 * call it.
 */
const char *window_words(int result);

#endif
