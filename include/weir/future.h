/* SPDX-License-Identifier: Apache-2.0 */
/*
 * weir/future.h - futures: many operations of one kind on a store, submitted in one call, which
 * end together and are fetched by their number.
 *
 * This is how programs in other languages use a store: they cannot be called back on a thread of
 * the library, and a call for each key costs them too much. Such a program submits a future, goes
 * on, watches one descriptor, and takes the futures that have ended.
 *
 * Threads
 *   Any thread may call, at the same time as others. A submit never waits for the drive or for
 *   another operation; it may wait shortly for a thread that is inside of these calls.
 *
 * Fork
 *   As with a store: a child of fork() gets -ECHILD, and may close what it inherited.
 */
#ifndef WEIR_FUTURE_H
#define WEIR_FUTURE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include <weir/store.h>

#ifdef __cplusplus
extern "C" {
#endif

struct weir_futures;
struct weir_remote; /* weir/remote.h */

/* Options of weir_futures_open(). Start from WEIR_FUTURES_OPTS_INIT; 0 means the default. */
struct weir_futures_opts {
	size_t size; /* sizeof(struct weir_futures_opts) */
	/* Puts may wait with so many bytes of values; a future that would exceed that ends at once
	 * with -EAGAIN in each result, and its values are not read. One future is always taken if
	 * no other put is under way. Default: 256 MiB. */
	uint64_t put_bytes_max;
	/* A put that has no position in the log after this time ends with -ETIMEDOUT, and its value
	 * is not read. Default: no limit. */
	uint64_t put_wait_ns;
};

#define WEIR_FUTURES_OPTS_INIT WEIR_INIT_SIZED(struct weir_futures_opts)

/*
 * Makes a place where futures of S end. S must stay open until weir_futures_close(); it must run on
 * threads of its own, so it must not be opened with opts.attach (-EINVAL). Errors: -EINVAL,
 * -ENOMEM, -EMFILE. Any thread.
 */
int weir_futures_open(struct weir_futures **f, struct weir_store *s,
		      const struct weir_futures_opts *opts);

/* As weir_futures_open(), for operations on R, which must stay open until weir_futures_close(). */
int weir_futures_open_remote(struct weir_futures **f, struct weir_remote *r,
			     const struct weir_futures_opts *opts);

/*
 * Has all futures that are submitted from now on run on S, or on R, or on neither: then they end at
 * once with -EPIPE in each result. A program that changes from one store to another first changes
 * to neither, which waits until all that ran there have ended (they wait to be taken as before),
 * then closes the old one. So it keeps F and its descriptor. Errors: -EINVAL (both; from one to
 * another; S is opened with opts.attach), -EDEADLK from a callback. Blocks; any thread, one at a
 * time.
 */
int weir_futures_use(struct weir_futures *f, struct weir_store *s, struct weir_remote *r);

/*
 * Waits until every future has ended, so that no memory of the caller is in use any more, forgets
 * those that were not taken, and frees F. NULL is allowed. Blocks; no callback. In a child of
 * fork() it frees memory only.
 */
void weir_futures_close(struct weir_futures *f);

/*
 * Returns a descriptor that polls readable while a future that has ended waits to be taken. It
 * belongs to F. It is an eventfd, and a program that watches it may read it: then it becomes
 * readable again with the next future that ends. Errors: -EINVAL (F is NULL). Any thread.
 */
int weir_futures_fd(const struct weir_futures *f);

enum weir_future_kind {
	WEIR_FUTURE_PUT = 0,
	WEIR_FUTURE_GET = 1,
	WEIR_FUTURE_EXISTS = 2,
	WEIR_FUTURE_LEASE = 3, /* an exists that leases what is there: weir/pin.h */
	WEIR_FUTURE_DELETE = 4,
	WEIR_FUTURE_SYNC = 5, /* no items; it has one result */
	WEIR_FUTURE_KIND_COUNT = 6,
};

enum weir_future_flags {
	WEIR_FUTURE_DURABLE = 1 << 0,	   /* put, delete: WEIR_PUT_DURABLE */
	WEIR_FUTURE_IF_ABSENT = 1 << 1,	   /* put: WEIR_PUT_IF_ABSENT; -EEXIST is the result where a
					    * value is there already */
	WEIR_FUTURE_EXACT = 1 << 2,	   /* get: a value of another length than the room for it is
					    * an error, -EMSGSIZE */
	WEIR_FUTURE_DROP_DAMAGED = 1 << 3, /* get: WEIR_GET_DROP_DAMAGED */
	WEIR_FUTURE_KEEP_LEASE = 1 << 4,   /* get: WEIR_GET_KEEP_LEASE */
};

/* One key of a future, and its value. */
struct weir_future_item {
	const void *key; /* it is copied */
	uint32_t key_len;
	uint32_t submitter; /* who is accounted */
	union {
		const void *value;	 /* put */
		void *buf;		 /* get */
		const struct iovec *iov; /* put and get, with nr_iov; the array is copied */
	};
	uint64_t length; /* put: bytes of the value. get: room for it */
	uint32_t nr_iov; /* 0: in one piece */
	uint16_t stream; /* put: as weir_store_op.stream */
	uint16_t prio;	 /* of its I/O; 0: the default */
};

/* What all items of a future have in common. Start from WEIR_FUTURE_INIT. */
struct weir_future {
	size_t size;	/* sizeof(struct weir_future) */
	uint32_t kind;	/* enum weir_future_kind */
	uint32_t flags; /* enum weir_future_flags */
	/* A time of CLOCK_MONOTONIC in ns, 0: none. put, get, delete: the deadline of each
	 * operation (weir_store_op.deadline_ns). lease: when it ends. */
	uint64_t until_ns;
	void *user; /* handed back in struct weir_future_result */
};

#define WEIR_FUTURE_INIT WEIR_INIT_SIZED(struct weir_future)

/*
 * Submits the N ITEMS (0 only with SYNC) as one future and sets *ID to its number, which is never
 * given again and never 0. Keys and arrays of pieces are copied; the memory of values belongs to F
 * until the future was taken. Whatever is wrong with one item (its length, a store that is
 * read-only) is the result of this item, and not an error of the call. The future may have ended
 * before this returns. Errors, and then there is no future: -EINVAL (kind, flags, no items),
 * -ENOMEM, -ESHUTDOWN (F is being closed). Never blocks on I/O; any thread.
 */
int weir_futures_submit(struct weir_futures *f, const struct weir_future *future,
			const struct weir_future_item *items, size_t n, uint64_t *id);

/* A future that has ended. */
struct weir_future_result {
	size_t size; /* sizeof the library's struct: fields beyond it are absent */
	uint64_t id;
	uint32_t kind;
	int32_t error; /* the first result that is an error, by index; 0: none */
	size_t n;
	/* N of them: 0 or -errno as at the operations of weir/store.h; exists and lease: -ENOENT
	 * where there is no such key. */
	const int32_t *results;
	/* N of them: get, exists, lease: the length of the value; 0: no such key. */
	const uint64_t *lengths;
	size_t leading; /* exists, lease: keys from the first on that are all there */
	void *user;
	uint64_t submitted_ns, ended_ns; /* CLOCK_MONOTONIC */
};

/*
 * Takes the future that ended first; NULL: none has. The caller owns it, and gives it back with
 * weir_future_free(). Never blocks; any thread.
 */
const struct weir_future_result *weir_futures_take(struct weir_futures *f);

/*
 * As weir_futures_take(), for the future with the number ID alone; NULL: it has not ended, or was
 * taken. The descriptor stays readable while others wait. It takes time that grows with the number
 * of futures that wait.
 */
const struct weir_future_result *weir_futures_take_id(struct weir_futures *f, uint64_t id);

/* Waits until a future has ended, at most TIMEOUT_NS (UINT64_MAX: for ever). Returns 0, or
 * -ETIMEDOUT, or -EDEADLK from a callback. It takes nothing. Any thread. */
int weir_futures_wait(struct weir_futures *f, uint64_t timeout_ns);

/* Frees a result. NULL is allowed. Any thread. */
void weir_future_free(const struct weir_future_result *result);

/*
 * Writes to BUF of SIZE bytes what the result of item INDEX means: "put: no space left ...".
 * Returns BUF. Any thread.
 */
const char *weir_future_strerror(const struct weir_future_result *result, size_t index, char *buf,
				 size_t size);

/* What futures wait for. Start from WEIR_FUTURES_STATS_INIT. */
struct weir_futures_stats {
	size_t size;
	uint64_t pending;   /* futures that have not ended, now */
	uint64_t ended;	    /* futures that have ended and were not taken, now */
	uint64_t put_bytes; /* of values of puts under way, now */
	uint64_t shed;	    /* futures that were refused, because puts were under way with
			     * put_bytes_max */
};

#define WEIR_FUTURES_STATS_INIT WEIR_INIT_SIZED(struct weir_futures_stats)

/* Fills in STATS. Any thread. */
int weir_futures_get_stats(struct weir_futures *f, struct weir_futures_stats *stats);

#ifdef __cplusplus
}
#endif
#endif
