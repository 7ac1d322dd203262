/* SPDX-License-Identifier: Apache-2.0 */
/*
 * futures.c - submits the operations of futures, and hands futures out when they have ended.
 *
 * The loops of the store call future_op_end(); with several devices these are several threads. So
 * each future counts its operations with an atomic, and whoever takes that to 0 ends the future.
 */
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <weir/pin.h>
#include <weir/remote.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/opts.h"
#include "future/future.h"
#include "queue/loop.h"

#define PUT_BYTES_MAX                                                                              \
	(256ull << 20) /* so a flood of puts holds at most this much of the caller's */
#define ASK_TRIES 1000 /* of an exists that met an index which was being changed */

/* The counter of an eventfd says only "not 0"; who takes the last future sets it back. A program
 * that watches it may have done so before. */
static void fd_set_readable(int fd, bool readable)
{
	uint64_t count = 1;
	ssize_t done =
		readable ? write(fd, &count, sizeof(count)) : read(fd, &count, sizeof(count));

	CHECK(done == sizeof(count) || (!readable && errno == EAGAIN));
}

static void future_end(struct future *future)
{
	struct weir_futures *f = future->home;

	future_settle(future);
	future->result.ended_ns = clock_now();
	pthread_mutex_lock(&f->lock);
	f->put_bytes -= future->put_bytes;
	f->pending--;
	/* Also where others wait: the program may have read the descriptor since. */
	fd_set_readable(f->fd, true);
	future_list_add(&f->ended, future);
	pthread_cond_broadcast(&f->changed);
	pthread_mutex_unlock(&f->lock);
}

/* N of the operations of FUTURE have ended; from here on it may belong to its taker. */
static void future_count_down(struct future *future, uint32_t n)
{
	if (!__atomic_sub_fetch(&future->running, n, __ATOMIC_ACQ_REL))
		future_end(future);
}

static void future_op_end(struct weir_store_op *op)
{
	future_count_down(op->user, 1);
}

/* Notes why operation INDEX was refused: only this thread, and only now, can tell it. */
static void future_note(struct future *future, size_t index)
{
	future->refused = index;
	snprintf(future->why, sizeof(future->why), "%s", weir_error());
}

static int future_submit_op(struct future *future, struct weir_store_op *op)
{
	if (future->store)
		return weir_store_submit(future->store, op);
	if (!future->remote)
		return error_set(-EPIPE, "the store is gone, and no other one was found yet");
	if (future->result.kind == WEIR_FUTURE_LEASE)
		op->flags |= WEIR_REMOTE_LEASE;
	return weir_remote_submit(future->remote, op);
}

/* Submits all operations. A refused one has ended with the error of its submit. */
static void future_submit_ops(struct future *future)
{
	uint32_t refused = 1; /* and this thread's own count */
	size_t i;

	for (i = 0; i < future->result.n; i++) {
		struct weir_store_op *op = &future->ops[i];
		int err;

		op->end = future_op_end;
		op->user = future;
		err = future_submit_op(future, op);
		if (err) {
			op->result = err;
			if (!*future->why)
				future_note(future, i);
			refused++;
		}
	}
	future_count_down(future, refused);
}

/* Answers an exists or a lease at once: the store needs no other thread for that. */
static int ask_once(struct weir_store *s, struct future *future, const struct weir_store_key *keys)
{
	struct weir_future_result *r = &future->result;

	if (r->kind == WEIR_FUTURE_LEASE)
		return weir_store_lease(s, keys, r->n, future->ops[0].deadline_ns, future->lengths,
					&r->leading);
	return weir_store_exists_many(s, keys, r->n, future->lengths, &r->leading);
}

static void future_ask(struct weir_store *s, struct future *future,
		       const struct weir_store_key *keys)
{
	struct weir_future_result *r = &future->result;
	unsigned tries = 0;
	int err = ask_once(s, future, keys);
	size_t i;

	while (err == -EAGAIN && tries++ < ASK_TRIES) {
		sched_yield();
		err = ask_once(s, future, keys);
	}
	for (i = 0; i < r->n; i++)
		future->results[i] = err ? err : (future->lengths[i] ? 0 : -ENOENT);
	future_count_down(future, 1);
}

/* Copies the keys of FUTURE into an array. NULL: no memory. The caller frees it. */
static struct weir_store_key *keys_of(const struct future *future)
{
	struct weir_store_key *keys = calloc(future->result.n, sizeof(*keys));
	size_t i;

	for (i = 0; keys && i < future->result.n; i++)
		keys[i] = (struct weir_store_key){ .key = future->ops[i].key,
						   .key_len = future->ops[i].key_len };
	return keys;
}

static uint64_t bytes_of_puts(const struct future *future)
{
	uint64_t bytes = 0;
	size_t i;

	for (i = 0; i < future->result.n && future->result.kind == WEIR_FUTURE_PUT; i++)
		if (__builtin_add_overflow(bytes, future->ops[i].value_len, &bytes))
			return UINT64_MAX;
	return bytes;
}

/* Gives FUTURE its number, which is also set in *ID, and counts it. */
static int future_enter(struct weir_futures *f, struct future *future, uint64_t *id)
{
	uint64_t bytes = bytes_of_puts(future);
	int err = 0;

	pthread_mutex_lock(&f->lock);
	if (f->closing) {
		err = error_set(-ESHUTDOWN, "the futures are being closed");
	} else {
		future->shed = f->put_bytes &&
			       (bytes > f->opts.put_bytes_max ||
				f->put_bytes > f->opts.put_bytes_max - bytes) &&
			       bytes;
		f->shed += future->shed;
		future->put_bytes = future->shed ? 0 : bytes;
		f->put_bytes += future->put_bytes;
		*id = future->result.id = ++f->last_id;
		f->pending++;
		future->store = f->store;
		future->remote = f->remote;
	}
	pthread_mutex_unlock(&f->lock);
	return err;
}

static void future_begin(struct future *future, const struct weir_store_key *keys)
{
	if (keys && future->store) {
		future->running = 1;
		future_ask(future->store, future, keys);
	} else if (future->shed) {
		future->running = 1;
		future_count_down(future, 1);
	} else {
		future->running = (uint32_t)future->result.n + 1;
		future_submit_ops(future);
	}
}

static int futures_check(const struct weir_futures *f)
{
	if (!f)
		return error_set(-EINVAL, "no futures");
	return fork_inherited(f->process) ? fork_refuse("futures") : 0;
}

static int check_submit(const struct weir_futures *f, const struct weir_future *future, size_t n)
{
	const uint32_t all = WEIR_FUTURE_DURABLE | WEIR_FUTURE_IF_ABSENT | WEIR_FUTURE_EXACT |
			     WEIR_FUTURE_DROP_DAMAGED | WEIR_FUTURE_KEEP_LEASE;

	int err = futures_check(f);

	if (err)
		return err;
	if (future->kind >= WEIR_FUTURE_KIND_COUNT)
		return error_set(-EINVAL, "there is no kind %u of future", future->kind);
	if (future->flags & ~all)
		return error_set(-EINVAL, "unknown flags 0x%x of a future", future->flags & ~all);
	if (!n != (future->kind == WEIR_FUTURE_SYNC))
		return error_set(-EINVAL, n ? "a sync has no keys" : "a future without a key");
	if (n >= UINT32_MAX)
		return error_set(-EINVAL, "%zu keys in one future: too many", n);
	return 0;
}

/* Makes a future, and the array *KEYS where its kind needs one. NULL: no memory. */
static struct future *future_create(struct weir_futures *f, const struct weir_future *what,
				    const struct weir_future_item *items, size_t n,
				    struct weir_store_key **keys)
{
	bool asks = what->kind == WEIR_FUTURE_EXISTS || what->kind == WEIR_FUTURE_LEASE;
	struct future *future = future_make(f, what, items, n);

	*keys = future && asks ? keys_of(future) : NULL;
	if (future && asks && !*keys) {
		free(future);
		return NULL;
	}
	return future;
}

int weir_futures_submit(struct weir_futures *f, const struct weir_future *user,
			const struct weir_future_item *items, size_t n, uint64_t *id)
{
	struct weir_future what = WEIR_FUTURE_INIT;
	struct weir_store_key *keys;
	struct future *future;
	int err = opts_copy(&what, sizeof(what), user, user ? user->size : 0);

	if (!err)
		err = check_submit(f, &what, n);
	if (err)
		return err;
	if (what.kind == WEIR_FUTURE_PUT && !what.until_ns && f->opts.put_wait_ns)
		what.until_ns = clock_deadline(clock_now(), f->opts.put_wait_ns);
	future = future_create(f, &what, items, n, &keys);
	if (!future)
		return error_set(-ENOMEM, "no memory for a future of %zu keys", n);
	future->result.submitted_ns = clock_now();
	err = future_enter(f, future, id);
	if (err)
		free(future);
	else
		future_begin(future, keys);
	free(keys);
	return err;
}

const struct weir_future_result *weir_futures_take(struct weir_futures *f)
{
	struct future *future;

	if (futures_check(f))
		return NULL;
	pthread_mutex_lock(&f->lock);
	future = future_list_pop(&f->ended);
	if (future && !f->ended.count)
		fd_set_readable(f->fd, false);
	pthread_mutex_unlock(&f->lock);
	return future ? &future->result : NULL;
}

/* Removes the future with the number ID from LIST. NULL: it is not there. The others keep their
 * order. */
static struct future *list_remove_id(struct future_list *list, uint64_t id)
{
	struct future *found = NULL;
	size_t n = list->count;

	while (n--) {
		struct future *future = future_list_pop(list);

		if (future->result.id == id)
			found = future;
		else
			future_list_add(list, future);
	}
	return found;
}

const struct weir_future_result *weir_futures_take_id(struct weir_futures *f, uint64_t id)
{
	struct future *future;

	if (futures_check(f))
		return NULL;
	pthread_mutex_lock(&f->lock);
	future = list_remove_id(&f->ended, id);
	if (future && !f->ended.count)
		fd_set_readable(f->fd, false);
	pthread_mutex_unlock(&f->lock);
	return future ? &future->result : NULL;
}

/* Waits for a change; false: the time DEADLINE of clock_now() has come. */
static bool wait_change(struct weir_futures *f, uint64_t deadline)
{
	struct timespec at = { .tv_sec = (time_t)(deadline / NSEC_PER_SEC),
			       .tv_nsec = (long)(deadline % NSEC_PER_SEC) };

	if (deadline == UINT64_MAX)
		return !pthread_cond_wait(&f->changed, &f->lock);
	return pthread_cond_timedwait(&f->changed, &f->lock, &at) != ETIMEDOUT;
}

int weir_futures_wait(struct weir_futures *f, uint64_t timeout_ns)
{
	uint64_t deadline = clock_deadline(clock_now(), timeout_ns);
	bool in_time = true, ended;

	int err = futures_check(f);

	if (err)
		return err;
	if (loop_in_callback())
		return error_in_callback("wait for futures");
	pthread_mutex_lock(&f->lock);
	while (!f->ended.count && in_time)
		in_time = wait_change(f, deadline);
	ended = f->ended.count;
	pthread_mutex_unlock(&f->lock);
	return ended ? 0 : error_set(-ETIMEDOUT, "no future has ended in this time");
}

int weir_futures_fd(const struct weir_futures *f)
{
	int err = futures_check(f);

	return err ? err : f->fd;
}

int weir_futures_get_stats(struct weir_futures *f, struct weir_futures_stats *stats)
{
	struct weir_futures_stats now = WEIR_FUTURES_STATS_INIT;
	int err = futures_check(f);

	if (err)
		return err;
	pthread_mutex_lock(&f->lock);
	now.pending = f->pending;
	now.ended = f->ended.count;
	now.put_bytes = f->put_bytes;
	now.shed = f->shed;
	pthread_mutex_unlock(&f->lock);
	return opts_give(stats, OPTS_SIZE(stats), &now, sizeof(now));
}

static int futures_init(struct weir_futures *f)
{
	pthread_condattr_t attr;

	f->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (f->fd < 0)
		return error_sys(-errno, "an eventfd for futures");
	fork_fd_watch(&f->fd_watch, &f->fd);
	future_list_init(&f->ended);
	f->process = fork_process();
	CHECK(!pthread_mutex_init(&f->lock, NULL));
	CHECK(!pthread_condattr_init(&attr));
	CHECK(!pthread_condattr_setclock(&attr, CLOCK_MONOTONIC));
	CHECK(!pthread_cond_init(&f->changed, &attr));
	pthread_condattr_destroy(&attr);
	return 0;
}

/* Makes a place of futures of S, or of R. */
static int futures_make(struct weir_futures **out, struct weir_store *s, struct weir_remote *r,
			const struct weir_futures_opts *user)
{
	struct weir_futures_opts opts = WEIR_FUTURES_OPTS_INIT;
	struct weir_futures *f;
	int err = opts_copy(&opts, sizeof(opts), user, user ? user->size : 0);

	if (err)
		return err;
	f = calloc(1, sizeof(*f));
	if (!f)
		return error_set(-ENOMEM, "no memory for futures");
	if (!opts.put_bytes_max)
		opts.put_bytes_max = PUT_BYTES_MAX;
	f->store = s;
	f->remote = r;
	f->opts = opts;
	err = futures_init(f);
	if (err)
		free(f);
	else
		*out = f;
	return err;
}

static int check_store(struct weir_store *s)
{
	if (weir_store_fd(s) >= 0)
		return error_set(-EINVAL, "futures of a store whose loop runs on this thread: "
					  "open it without `attach`");
	return 0;
}

int weir_futures_open(struct weir_futures **out, struct weir_store *s,
		      const struct weir_futures_opts *opts)
{
	int err = s ? check_store(s) : error_set(-EINVAL, "futures without a store");

	return err ? err : futures_make(out, s, NULL, opts);
}

int weir_futures_open_remote(struct weir_futures **out, struct weir_remote *r,
			     const struct weir_futures_opts *opts)
{
	if (!r)
		return error_set(-EINVAL, "futures without a remote store");
	return futures_make(out, NULL, r, opts);
}

int weir_futures_use(struct weir_futures *f, struct weir_store *s, struct weir_remote *r)
{
	int err = futures_check(f);

	if (!err && s && r)
		err = error_set(-EINVAL, "futures of two stores");
	if (!err && s)
		err = check_store(s);
	if (!err && loop_in_callback())
		err = error_in_callback("wait for futures");
	if (err)
		return err;
	pthread_mutex_lock(&f->lock);
	if ((s || r) && (f->store || f->remote))
		err = error_set(-EINVAL, "the futures have a store: change to none first");
	if (!err) {
		f->store = s;
		f->remote = r;
	}
	/* Without a store the new ones end at once, so this comes to an end. */
	while (!err && !s && !r && f->pending)
		pthread_cond_wait(&f->changed, &f->lock);
	pthread_mutex_unlock(&f->lock);
	return err;
}

/* Frees what nobody took. */
static void futures_forget(struct weir_futures *f)
{
	struct future *future;

	while ((future = future_list_pop(&f->ended)))
		free(future);
}

void weir_futures_close(struct weir_futures *f)
{
	if (!f)
		return;
	if (!fork_inherited(f->process)) {
		pthread_mutex_lock(&f->lock);
		f->closing = true;
		while (f->pending)
			pthread_cond_wait(&f->changed, &f->lock);
		pthread_mutex_unlock(&f->lock);
		pthread_cond_destroy(&f->changed);
		pthread_mutex_destroy(&f->lock);
	}
	fork_fd_close(&f->fd_watch);
	futures_forget(f);
	free(f);
}
