/* SPDX-License-Identifier: Apache-2.0 */
/*
 * window.c - the operations that one client of a replay has in flight. The client's thread uses
 * the window; only window_end() may run on another thread, that of the store's loop.
 */
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "cli/window.h"

#define WINDOW_ALIGN 4096u /* buffers with this alignment are written without a copy */

int window_open(struct window *w, struct weir_store *store, uint32_t depth, uint64_t block_bytes)
{
	uint64_t stride = (block_bytes + WINDOW_ALIGN - 1) / WINDOW_ALIGN * WINDOW_ALIGN;

	memset(w, 0, sizeof(*w));
	w->store = store;
	w->depth = depth;
	w->block_bytes = block_bytes;
	w->slots = calloc(depth, sizeof(*w->slots));
	w->memory = aligned_alloc(WINDOW_ALIGN, stride * depth);
	if (!w->slots || !w->memory) {
		window_close(w);
		return error_set(-ENOMEM,
				 "out of memory for %u blocks in flight: use a smaller "
				 "--depth",
				 depth);
	}
	for (uint32_t i = 0; i < depth; i++)
		w->slots[i].buf = (char *)w->memory + i * stride;
	return 0;
}

void window_close(struct window *w)
{
	free(w->slots);
	free(w->memory);
	w->slots = NULL;
	w->memory = NULL;
}

static void window_end(struct weir_store_op *op)
{
	struct window_slot *s = op->user;

	__atomic_store_n(&s->end_ns, clock_now(), __ATOMIC_RELEASE);
}

static void window_submit(struct window *w, struct window_slot *s, uint64_t id)
{
	int err;

	s->id = id;
	content_key(id, s->key);
	s->op.key = s->key;
	s->op.key_len = CONTENT_KEY_LEN;
	s->op.end = window_end;
	s->op.user = s;
	s->end_ns = 0;
	s->start_ns = clock_now();
	err = weir_store_submit(w->store, &s->op);
	if (err < 0) { /* the callback will not run, so this counts as an immediate end */
		s->op.result = err;
		window_end(&s->op);
	}
}

void window_get(struct window *w, struct window_slot *s, uint64_t id)
{
	memset(&s->op, 0, sizeof(s->op));
	s->op.kind = WEIR_STORE_GET;
	s->op.buf = s->buf;
	s->op.capacity = w->block_bytes;
	window_submit(w, s, id);
}

void window_put(struct window *w, struct window_slot *s, uint64_t id, uint32_t flags)
{
	memset(&s->op, 0, sizeof(s->op));
	s->op.kind = WEIR_STORE_PUT;
	s->op.flags = flags;
	s->op.value = s->buf;
	s->op.value_len = w->block_bytes;
	content_fill(id, s->buf, w->block_bytes);
	window_submit(w, s, id);
}

int window_wait(struct window *w, struct window_slot *s)
{
	struct weir_store_op *op = &s->op;
	uint64_t end_ns = __atomic_load_n(&s->end_ns, __ATOMIC_ACQUIRE), took_ns;

	if (!end_ns)
		weir_store_wait(w->store, op, UINT64_MAX);
	/* Another thread runs window_end() and may be behind the wake-up; it ends in a moment. */
	while (!(end_ns = __atomic_load_n(&s->end_ns, __ATOMIC_ACQUIRE)))
		sched_yield();
	/* A put of what is there writes nothing. */
	if (op->result == -EEXIST)
		return op->result;
	took_ns = end_ns - s->start_ns + w->lag_ns;
	hist_record(op->kind == WEIR_STORE_GET ? &w->get : &w->put, took_ns);
	if (w->series && !op->result)
		replay_series_add(w->series, op->kind == WEIR_STORE_PUT, w->block_bytes, took_ns,
				  clock_now());
	if (op->kind == WEIR_STORE_GET &&
	    (op->result == -EMSGSIZE || (!op->result && op->value_len != w->block_bytes)))
		return -ENOENT;
	return op->result;
}

const char *window_words(int result)
{
	switch (result) {
	case -EBADMSG:
		return "it is damaged on the medium";
	case -EROFS:
		return "the store is read-only because a write could not be made durable";
	case -ENOSPC:
		return "there is no room left in the store, or in the file system below it";
	default:
		return strerrordesc_np(-result) ? strerrordesc_np(-result) : "unknown error";
	}
}
