/* SPDX-License-Identifier: Apache-2.0 */
/*
 * weir/remote.h - uses a store that another process of this machine has open.
 *
 * One process at a time has a store open for writing. Others of the same user, and root, use it
 * through that process, its *owner*: they connect to its control socket (docs/control.md) and give
 * it memory that both have. Operations are those of weir/store.h. A value is copied between the
 * caller's memory and the shared memory, by a thread of this library; between the shared memory and
 * the drive the owner copies it no more than a value of its own. So the owner never touches the
 * caller's memory, and nothing that happens to the owner keeps that memory in use.
 *
 * The promises of weir/store.h hold: what was acknowledged survives the death of either process.
 *
 * When the owner ends
 *   Every operation under way ends with -EPIPE; whether a put of these took effect is unknown. An
 *   owner that does not answer for opts.quiet_ns counts as one that has ended: the operations end
 *   with -ETIMEDOUT. From then on each submit fails. The caller closes the remote store, and opens
 *   the store itself, or a remote store of whoever has opened it.
 *
 * Threads
 *   Any thread may call, at the same time as others.
 *
 * Fork
 *   As with a store: a child of fork() gets -ECHILD, and may close what it inherited.
 */
#ifndef WEIR_REMOTE_H
#define WEIR_REMOTE_H

#include <stddef.h>
#include <stdint.h>

#include <weir/store.h>

#ifdef __cplusplus
extern "C" {
#endif

struct weir_remote;

/* Options of weir_remote_open(). Start from WEIR_REMOTE_OPTS_INIT; 0 means the default. */
struct weir_remote_opts {
	size_t size; /* sizeof(struct weir_remote_opts) */
	/* Shared memory for values under way. It takes main memory only as far as it is used. At
	 * least the longest value of the store, and at most what the owner allows
	 * (weir_store_opts.share_bytes_max). Default: 128 MiB, or twice the longest value. */
	uint64_t arena_bytes;
	uint64_t answer_ns; /* how long to wait for each answer of the owner at the start, and of
			     * calls that ask; 0: 5 s */
	uint64_t quiet_ns;  /* an owner that says nothing for so long, though it was asked, counts
			     * as one that has ended; 0: 10 s */
};

#define WEIR_REMOTE_OPTS_INIT WEIR_INIT_SIZED(struct weir_remote_opts)

/*
 * Connects to the process that has the store on PATH open, which is named as for weir_store_open().
 * OPTS may be NULL. Errors: -ENOENT (there is no such file, or nobody who answers has this store
 * open), -EACCES (another user's), -EPROTONOSUPPORT (its owner has another version of weir),
 * -EOPNOTSUPP (its owner does not share), -EBUSY (64 processes share it already), -ETIMEDOUT,
 * -EINVAL (the memory is too short for the store's longest value, or more than the owner allows),
 * -ENOMEM, -EMFILE, and those of
 * weir_store_peek(). Blocks; any thread, but no callback.
 */
int weir_remote_open(struct weir_remote **r, const char *path, const struct weir_remote_opts *opts);

/*
 * Waits until every operation has ended, and frees R. NULL is allowed. Blocks, and after quiet_ns
 * without a word of the owner it waits no longer; no callback. In a child of fork() it frees memory
 * only.
 */
void weir_remote_close(struct weir_remote *r);

/* As flags of an exists of weir_remote_submit() and weir_remote_run(): weir/pin.h. */
enum weir_remote_flags {
	/* The entry is leased until deadline_ns, as weir_store_lease() does. */
	WEIR_REMOTE_LEASE = 1 << 16,
};

/*
 * As weir_store_submit(): OP is the library's until `end` is called, which happens on a thread of
 * R, must not block, and may submit. Differences: operations are not ordered by the thread that
 * submits them; a deadline has the precision of the way to the owner and back; WEIR_REMOTE_LEASE; a
 * value is one piece for the owner, so pieces cost nothing; gets do not wait behind puts, which
 * have half of the shared memory. A put waits for at most 16 gets that were submitted after it.
 * Errors, and then `end` is not called: -EINVAL, -EFBIG (longer than the store's longest value),
 * -EPIPE and -ETIMEDOUT (the owner has ended). Never blocks.
 */
int weir_remote_submit(struct weir_remote *r, struct weir_store_op *op);

/* As weir_store_run(), by weir_remote_submit(). Returns the first error by index. -EINVAL, and
 * nothing is submitted, where an operation has an `end`. Blocks; no callback. */
int weir_remote_run(struct weir_remote *r, struct weir_store_op *ops, size_t n);

/* Waits until the owner has ended, at most TIMEOUT_NS (UINT64_MAX: for ever). Returns 0: it has;
 * -ETIMEDOUT, -EDEADLK from a callback. Any thread; blocks. */
int weir_remote_wait_end(struct weir_remote *r, uint64_t timeout_ns);

/* What is known about a remote store. Start from WEIR_REMOTE_INFO_INIT. */
struct weir_remote_info {
	size_t size;
	int32_t owner; /* its process; 0: of another container */
	int32_t error; /* 0; or why the owner counts as one that has ended */
	uint8_t uuid[16];
	uint64_t max_value_bytes;
	uint64_t arena_bytes;
	uint64_t operations; /* that have ended */
	uint64_t bytes;	     /* of values that were copied */
};

#define WEIR_REMOTE_INFO_INIT WEIR_INIT_SIZED(struct weir_remote_info)

/* Fills in INFO. Any thread; never blocks. */
int weir_remote_get_info(struct weir_remote *r, struct weir_remote_info *info);

/*
 * As weir_store_get_stats(). This and what follows asks the owner on a connection of its own.
 * Errors: those of the function of the store, and of weir_remote_open(). Blocks; any thread, but no
 * callback.
 */
int weir_remote_get_stats(struct weir_remote *r, struct weir_store_stats *stats);

/* As weir_store_add_tenant(); returns 0 also if the tenant is new. */
int weir_remote_add_tenant(struct weir_remote *r, const char *tenant, uint32_t *stream);

/* As weir_store_list_counted() with PREFIX. */
int weir_remote_list(struct weir_remote *r, const void *prefix, uint32_t prefix_len,
		     int (*fn)(const struct weir_store_entry *entry, void *user), void *user);

#ifdef __cplusplus
}
#endif
#endif
