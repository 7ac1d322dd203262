/* SPDX-License-Identifier: Apache-2.0 */
/*
 * replay_client.c - one client of a replay: it takes a request, finds the leading blocks that the
 * store has, reads them, and puts the other ones. A client belongs to its thread; the state that
 * clients share (struct replay) is atomic or protected by a lock.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/error.h"
#include "cli/acks.h"
#include "cli/idset.h"
#include "cli/replay.h"
#include "cli/window.h"

#define CLIENT_LOOKUPS 64 /* number of blocks that are looked up together */
/* how long a sleeping client may fail to notice a signal */
#define CLIENT_NAP_NS (50 * NSEC_PER_MSEC)

struct client {
	struct replay *r;
	struct window window;
	struct weir_store_op lookups[CLIENT_LOOKUPS];
	char keys[CLIENT_LOOKUPS][CONTENT_KEY_LEN + 1];
	bool other_length; /* the running request met a block of another length */
	struct idset seen; /* the set of ids that the running request puts */
	uint64_t *puts;	   /* the same ids, in order */
	size_t stored;	   /* of these, as many as were stored, which come first then */
	size_t present;	   /* of these, as many as were there already */
	uint64_t *blocks;  /* ids of the running request, if the trace does not have them */
	struct hist load;
};

static void client_close(struct client *c)
{
	window_close(&c->window);
	idset_free(&c->seen);
	free(c->puts);
	free(c->blocks);
	free(c);
}

static int client_open(struct client **out, struct replay *r)
{
	const struct trace *t = r->trace;
	struct client *c = calloc(1, sizeof(*c));
	size_t longest = 1;
	int err;

	if (!c)
		return error_set(-ENOMEM, "out of memory for a client");
	for (size_t i = 0; i < t->count; i++)
		if (t->requests[i].count > longest)
			longest = t->requests[i].count;
	c->r = r;
	c->puts = calloc(longest, sizeof(*c->puts));
	c->blocks = calloc(longest, sizeof(*c->blocks));
	err = c->puts && c->blocks
		      ? idset_init(&c->seen, longest)
		      : error_set(-ENOMEM, "out of memory for a request of %zu blocks", longest);
	if (!err)
		err = window_open(&c->window, r->store, r->config.depth, r->config.block_bytes);
	c->window.series = r->series;
	if (err < 0) {
		client_close(c);
		return err;
	}
	*out = c;
	return 0;
}

/*
 * Looks up the first N (at most CLIENT_LOOKUPS) of IDS. Returns how many exist before the first
 * one that does not. A block of another length counts as absent.
 */
static size_t client_look_up_some(struct client *c, const uint64_t *ids, size_t n)
{
	size_t run = 0;

	for (size_t i = 0; i < n; i++) {
		content_key(ids[i], c->keys[i]);
		c->lookups[i] = (struct weir_store_op){
			.kind = WEIR_STORE_EXISTS,
			.key = c->keys[i],
			.key_len = CONTENT_KEY_LEN,
			.result = -ENOENT,
		};
	}
	weir_store_run(c->r->store, c->lookups, n);
	while (run < n && !c->lookups[run].result &&
	       c->lookups[run].value_len == c->r->config.block_bytes)
		run++;
	c->other_length = run < n && !c->lookups[run].result;
	return run;
}

/* Returns how many leading blocks of IDS the store has. */
static size_t client_look_up(struct client *c, const uint64_t *ids, size_t n)
{
	size_t run = 0;

	while (run < n) {
		size_t some = n - run < CLIENT_LOOKUPS ? n - run : CLIENT_LOOKUPS;
		size_t found = client_look_up_some(c, ids + run, some);

		run += found;
		if (found < some)
			break;
	}
	return run;
}

/* Evaluates the get in S, which ended with RESULT. Returns true if it is a hit. */
static bool client_take(struct client *c, const struct window_slot *s, int result)
{
	struct replay *r = c->r;
	size_t at;

	if (result == -ENOENT)
		return false;
	if (result < 0) {
		__atomic_fetch_add(&r->totals.get_errors, 1, __ATOMIC_RELAXED);
		replay_trouble(r, "get of %s: %s", s->key, window_words(result));
		return false;
	}
	if (!r->config.verify)
		return true;
	__atomic_fetch_add(&r->totals.verified, 1, __ATOMIC_RELAXED);
	at = content_check(s->id, s->buf, r->config.block_bytes);
	if (at == r->config.block_bytes)
		return true;
	__atomic_fetch_add(&r->totals.verify_failures, 1, __ATOMIC_RELAXED);
	replay_trouble(r, "get of %s: byte %zu is not what was put", s->key, at);
	return true;
}

/*
 * Reads the N blocks of IDS, DEPTH at a time. Returns how many exist before the first one that
 * does not: it may have been evicted since the lookup. Blocks behind it do not count, even if they
 * were read.
 */
static size_t client_load(struct client *c, const uint64_t *ids, size_t n)
{
	struct window *w = &c->window;
	size_t begun = 0, ended = 0, hits = 0;
	bool missed = false;

	while (ended < begun || (begun < n && !missed)) {
		struct window_slot *s;
		int result;

		for (; begun < n && begun - ended < w->depth && !missed; begun++)
			window_get(w, window_slot(w, begun), ids[begun]);
		s = window_slot(w, ended++);
		result = window_wait(w, s);
		if (!missed && client_take(c, s, result))
			hits++;
		else
			missed = true;
	}
	return hits;
}

/* Waits for the puts in slots FROM to TO, and gathers the blocks that were stored at the start of
 * c->puts. Returns the first error; a put that the write budget did not admit, or whose block is
 * there, is none. */
static int client_wait_puts(struct client *c, size_t from, size_t to)
{
	int first = 0;

	for (size_t i = from; i < to; i++) {
		int result = window_wait(&c->window, window_slot(&c->window, i));

		if (!result)
			c->puts[c->stored++] = window_slot(&c->window, i)->id;
		c->present += result == -EEXIST;
		if (result < 0 && result != -EDQUOT && result != -EEXIST && !first)
			first = error_set(result, "put of %s: %s", window_slot(&c->window, i)->key,
					  window_words(result));
	}
	return first;
}

/* What is there is not written again, as a host would not. But an object that the trace puts is
 * new, and blocks of another length are replaced. */
static uint32_t client_put_flags(const struct client *c, enum trace_kind kind)
{
	uint32_t flags = c->r->config.put_flags;

	return kind == TRACE_WRITE || c->other_length ? flags : flags | WEIR_PUT_IF_ABSENT;
}

/*
 * Puts the N blocks of IDS, half a window at a time: puts that are submitted together share
 * batches, and while one half is being written, the bytes of the next half are made.
 */
static int client_put(struct client *c, const uint64_t *ids, size_t n, uint32_t flags)
{
	struct window *w = &c->window;
	size_t half = w->depth > 1 ? w->depth / 2 : 1;
	size_t limit = w->depth > 1 ? 2 * half : 1;
	size_t begun = 0, ended = 0;
	int ret = 0, err;

	while (begun < n && !ret) {
		size_t some = n - begun < half ? n - begun : half;

		if (begun - ended + some > limit) {
			size_t free_at = begun + some - limit;

			ret = client_wait_puts(c, ended, free_at);
			ended = free_at;
		}
		for (size_t i = 0; i < some; i++, begun++)
			window_put(w, window_slot(w, begun), ids[begun], flags);
		weir_store_poll(w->store);
	}
	err = client_wait_puts(c, ended, begun);
	return ret ? ret : err;
}

/* Puts the N blocks of IDS, each once, and logs them when all are acknowledged. */
static int client_store(struct client *c, const uint64_t *ids, size_t n, uint32_t flags)
{
	struct replay_totals *totals = &c->r->totals;
	size_t puts = 0;
	int err;

	idset_clear(&c->seen);
	for (size_t i = 0; i < n; i++)
		if (idset_add(&c->seen, ids[i]))
			c->puts[puts++] = ids[i];
	c->stored = c->present = 0;
	err = client_put(c, c->puts, puts, flags);
	if (!err && c->r->config.ack_fd >= 0)
		err = acks_append(c->r->config.ack_fd, c->puts, c->stored);
	if (err < 0)
		return err;
	__atomic_fetch_add(&totals->put_blocks, c->stored, __ATOMIC_RELAXED);
	__atomic_fetch_add(&totals->present_blocks, c->present, __ATOMIC_RELAXED);
	__atomic_fetch_add(&totals->refused_blocks, puts - c->stored - c->present,
			   __ATOMIC_RELAXED);
	__atomic_fetch_add(&totals->written_bytes, c->stored * c->r->config.block_bytes,
			   __ATOMIC_RELAXED);
	return 0;
}

/*
 * Reads the leading blocks of the N blocks of IDS, which were requested at DUE_NS. Returns their
 * number.
 */
static size_t client_fetch(struct client *c, const uint64_t *ids, size_t n, uint64_t due_ns)
{
	struct replay_totals *totals = &c->r->totals;
	size_t hits = client_load(c, ids, client_look_up(c, ids, n));

	if (hits)
		hist_record(&c->load, clock_now() - due_ns);
	__atomic_fetch_add(&totals->blocks, n, __ATOMIC_RELAXED);
	__atomic_fetch_add(&totals->hits, hits, __ATOMIC_RELAXED);
	__atomic_fetch_add(&totals->read_bytes, hits * c->r->config.block_bytes, __ATOMIC_RELAXED);
	return hits;
}

/* Plays request I, which was due at DUE_NS. */
static int client_request(struct client *c, size_t i, uint64_t due_ns)
{
	struct replay *r = c->r;
	const uint64_t *ids = trace_blocks(r->trace, i, c->blocks);
	enum trace_kind kind = r->trace->requests[i].kind;
	size_t n = r->trace->requests[i].count;
	size_t hits = 0;
	int err = 0;

	c->window.lag_ns = clock_now() - due_ns;
	c->other_length = false;
	if (kind != TRACE_WRITE)
		hits = client_fetch(c, ids, n, due_ns);
	if (kind != TRACE_READ)
		err = client_store(c, ids + hits, n - hits, client_put_flags(c, kind));
	__atomic_fetch_add(&r->totals.requests, 1, __ATOMIC_RELAXED);
	return err;
}

/* Sleeps until DUE_NS in short intervals, so that a signal that another thread got is noticed. A
 * thread that owns the store's loop runs it in between, for processes that ask on the control
 * socket. */
static void client_sleep_until(struct weir_store *s, uint64_t due_ns)
{
	uint64_t now_ns;

	while ((now_ns = clock_now()) < due_ns && !replay_stopping()) {
		uint64_t nap = due_ns - now_ns < CLIENT_NAP_NS ? due_ns - now_ns : CLIENT_NAP_NS;
		struct timespec ts = { .tv_nsec = (long)nap };

		nanosleep(&ts, NULL);
		(void)weir_store_poll(s);
	}
}

/* Waits until request I is due and returns that time; without a speed, returns the current time. */
static uint64_t client_pace(struct replay *r, size_t i)
{
	const struct trace_request *requests = r->trace->requests;
	uint64_t since_ns, due_ns;

	if (!(r->config.speed > 0))
		return clock_now();
	since_ns = requests[i].time_ns > requests[0].time_ns
			   ? requests[i].time_ns - requests[0].time_ns
			   : 0;
	due_ns = r->start_ns + (uint64_t)((double)since_ns / r->config.speed);
	client_sleep_until(r->store, due_ns);
	return due_ns;
}

static void client_show_progress(struct replay *r)
{
	const struct replay_totals *t = &r->totals;
	struct progress_state state;
	uint64_t now_ns;

	if (!r->progress.shown)
		return;
	now_ns = clock_now();
	if (!progress_due(&r->progress, now_ns))
		return;
	state = (struct progress_state){
		.done = __atomic_load_n(&t->requests, __ATOMIC_RELAXED),
		.total = r->trace->count,
		.blocks = __atomic_load_n(&t->blocks, __ATOMIC_RELAXED),
		.hits = __atomic_load_n(&t->hits, __ATOMIC_RELAXED),
		.bytes = __atomic_load_n(&t->read_bytes, __ATOMIC_RELAXED) +
			 __atomic_load_n(&t->written_bytes, __ATOMIC_RELAXED),
	};
	progress_show(&r->progress, &state, now_ns);
}

static int client_play(struct client *c)
{
	struct replay *r = c->r;
	int err = 0;

	while (!err && !replay_stopping() && !__atomic_load_n(&r->error, __ATOMIC_RELAXED)) {
		uint64_t i = __atomic_fetch_add(&r->next, 1, __ATOMIC_RELAXED);
		uint64_t due_ns;

		if (i >= r->trace->count)
			break;
		due_ns = client_pace(r, i);
		if (replay_stopping())
			break;
		err = client_request(c, i, due_ns);
		client_show_progress(r);
	}
	return err;
}

int replay_client(struct replay *r)
{
	struct client *c = NULL;
	int err = client_open(&c, r);

	if (c)
		err = client_play(c);
	if (err < 0) {
		replay_trouble(r, "%s", weir_error());
		__atomic_store_n(&r->error, err, __ATOMIC_RELAXED);
	}
	if (!c)
		return err;
	pthread_mutex_lock(&r->lock);
	hist_merge(&r->get, &c->window.get);
	hist_merge(&r->put, &c->window.put);
	hist_merge(&r->load, &c->load);
	pthread_mutex_unlock(&r->lock);
	client_close(c);
	return err;
}
