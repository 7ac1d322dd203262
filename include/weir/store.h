/* SPDX-License-Identifier: Apache-2.0 */
/*
 * weir/store.h - stores: a crash-safe key-value store on a raw device or a file.
 *
 * The promise
 *   These failures are considered. The process may be killed at any instruction. The machine may
 *   lose power: then any subset of the blocks that were written since the last completed flush may
 *   be on the medium, and each logical block is wholly new or wholly old. A flush covers the writes
 *   that had completed when it was submitted. A discarded block reads as zeroes or as anything it
 *   ever held. Any block may later read corrupted. The caller must not change the value of a put
 *   before the put has ended.
 *
 *   - A get returns the last acknowledged value, or a later one that was not acknowledged yet, or a
 *     miss, or an error; after a power loss, the last value that survived. It never returns other
 *     bytes: the checksum of every payload is checked on every read.
 *   - WEIR_PUT_WRITTEN (default): once acknowledged, it survives the death of the process. A
 *     power cut may lose only what was acknowledged after the last completed flush was submitted.
 *   - WEIR_PUT_DURABLE: once acknowledged, it survives power loss. One flush serves all that wait.
 *   - A delete that was flushed is not undone. A put that was not acknowledged is there as a whole,
 *     or not at all.
 *   - Entries leave only by delete or eviction. Corruption costs the entries that it touches, and
 *     is counted and reported. If it damages the newest record of a key, or the header or footer
 *     of its segment, an older version or a deleted key may return. The store opens as long as one
 *     superblock copy is intact.
 *   - A read that fails says nothing about the bytes, and costs nothing: opening then fails with
 *     -EIO and has written nothing, unless opts.salvage gives up the segment. Then what the segment
 *     superseded counts again: an older version or a deleted key may return.
 *   - A recovery that was interrupted anywhere, and is run again, ends with the same entries as one
 *     that was not interrupted.
 *   - If a flush fails, operations that wait for it fail, and the store is read-only until it is
 *     reopened. The puts that the flush should have covered are counted as at risk.
 *   - A put fails with -ENOSPC only when pins and open segments hold everything, or when the
 *     filesystem below a sparse file is full.
 *
 * Threads
 *   The state of a store belongs to the loop of lane 0 of its queue. Any thread may call: the
 *   operation is handed to that loop. By default the loop runs on a worker thread. With opts.attach
 *   the thread that opened the store owns the loop and runs it inside its own calls. That is the
 *   fastest way for one thread, as nothing is handed over. Operations of other threads then wait
 *   until the owner blocks in a call or polls.
 *
 * Several devices
 *   A store may lie on several devices, which are named in one text with commas between them:
 *   "/dev/nvme0n1,/dev/nvme1n1". Each key belongs to one of them, by a hash of the key. Each device
 *   has a loop of its own: with opts.attach the opening thread owns all of them, else each has a
 *   worker thread, and callbacks of different devices run at the same time. If a device fails, the
 *   operations on its keys fail, weir_error() names the device, and the others go on.
 *
 * Caveats
 *   - A store that is open for writing answers other processes of the same user on a control
 *     socket (opts.control), so `weir stat`, `ls` and `get` work beside it.
 *   - A put into a full store does not fail: the oldest segment is evicted. A store is full when
 *     neither segments that are nearly empty nor much garbage in a stream are left: these are
 *     reclaimed first, and what lives there is written again.
 *   - Inside a callback the blocking calls return -EDEADLK; the asynchronous calls work.
 *   - A child of fork() gets -ECHILD from every call on a store that it inherited, and may close
 *     it; see weir/base.h. It may open another store, or this one after the parent has closed it.
 *   - The index knows a key by a keyed 128-bit hash. Whole keys are on the device, for listing.
 */
#ifndef WEIR_STORE_H
#define WEIR_STORE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include <weir/queue.h>

#ifdef __cplusplus
extern "C" {
#endif

#define WEIR_KEY_MAX 1024u	/* bytes in a key; the shortest has 1 */
#define WEIR_DEVICES_MAX 16u	/* devices in a store */
#define WEIR_STORE_IOV_MAX 256u /* pieces of a value */

struct weir_store;

/* Where streams (weir/tenant.h) are written on a drive with FDP. */
enum weir_placement {
	WEIR_PLACEMENT_DEFAULT = 0, /* format: none; open: as the store was formatted, where the
				     * drive can */
	WEIR_PLACEMENT_NONE = 1,    /* the drive decides */
	WEIR_PLACEMENT_STREAM = 2,  /* each has a placement id of its own, while there are enough */
};

/* Which entries of a segment stay when it is reclaimed, because the store is full. */
enum weir_policy {
	WEIR_POLICY_DEFAULT = 0, /* format: clock; open: as the store was formatted */
	/* What was read since it was last written is written again, once, up to a budget. */
	WEIR_POLICY_CLOCK = 1,
	WEIR_POLICY_FIFO = 2, /* none */
};

/* As free_low_percent: segments are reclaimed only when they are needed. */
#define WEIR_FREE_LOW_NONE UINT32_MAX

/* Options of weir_store_format(). Start from WEIR_STORE_FORMAT_OPTS_INIT; 0 means the default. */
struct weir_store_format_opts {
	size_t size;		 /* sizeof(struct weir_store_format_opts) */
	uint64_t create_bytes;	 /* create a file of this size if PATH does not exist */
	uint64_t capacity_bytes; /* use only so much of the device; default: all. Its last 64 KiB
				  * are the store's in any case: the second superblock copy */
	uint64_t segment_bytes;	 /* power of two, 64 KiB to 1 GiB; default capacity / 256 rounded
				  * down to a power of two, at least 1 MiB and at most 1 GiB; less
				  * where that leaves fewer than 64 */
	uint32_t block_bytes; /* power of two, 512 to 65536 and a multiple of the device's logical
			       * block; default 4096 */
	uint32_t force;	      /* 1: also over something that is not empty; 2: fewer than 64
			       * segments too (at least 8) */
	uint32_t placement;   /* enum weir_placement. With STREAM segments are by default a multiple
			       * of the drive's reclaim unit, or the other way round */
	uint32_t few_segments;	  /* 1: fewer than 64, too (at least 8), only on something empty */
	uint64_t max_value_bytes; /* the longest value that must fit: segments are by default at
				   * least 32 times as long where 64 such segments fit, else as
				   * long as fits, and at least twice as long; 0: none */
	uint32_t policy;	  /* enum weir_policy */
	/* With clock, so many percent of a segment may be written again when it is reclaimed: 1 to
	 * 90; 0: 75. */
	uint32_t rewrite_percent;
	/* See weir_store_set_write_budget(): bytes a day. Or in percent of the store's capacity a
	 * day: 100 is one drive write a day. 0 and 0: none. */
	uint64_t write_budget;
	uint32_t write_budget_percent;
	/* The marks between which segments are reclaimed before puts need them, in percent of the
	 * segments of a device: when fewer than the low mark are free, besides the two in reserve,
	 * segments with garbage are reclaimed until as many as the high mark are free. What is
	 * alive leaves the store only as far as the low mark needs it. A part of a segment does not
	 * count, so a store of 8 segments has no marks by default. At most 50, and the low one not
	 * above the high one. 0: 1 % for the low one, twice the low one for the high one. */
	uint32_t free_low_percent; /* or WEIR_FREE_LOW_NONE; then the high one is 0 */
	uint32_t free_high_percent;
	uint32_t reserved2;
	struct weir_trace *trace; /* of the queue that formats (weir/trace.h); NULL: none */
};

#define WEIR_STORE_FORMAT_OPTS_INIT WEIR_INIT_SIZED(struct weir_store_format_opts)

/*
 * Makes an empty store on PATH: a file, a block device, or several of them with commas between
 * them. OPTS may be NULL.
 * Errors: -ENOENT (no such file and no create_bytes), -EEXIST (not empty and no force: weir_error()
 * says what was found and what was looked at), -EBUSY (in use: weir_error() names the pid), -ENOSPC
 * (too small: weir_error() says what would fit), -EINVAL; with WEIR_PLACEMENT_STREAM also those of
 * weir_fdp_read(), and -EOPNOTSUPP (no FDP). Blocks; any thread.
 */
int weir_store_format(const char *path, const struct weir_store_format_opts *opts);

/* Why a key left a store. */
enum weir_leave {
	WEIR_LEAVE_EVICTED = 1,
	WEIR_LEAVE_DELETED = 2,
	WEIR_LEAVE_DAMAGED = 3,	   /* its value could not be verified */
	WEIR_LEAVE_REFUSED = 4,	   /* put, but not admitted: the write budget was spent */
	WEIR_LEAVE_OUT_OF_USE = 5, /* its segment could not be read, and was taken out of use */
};

/* A key has left the store. */
struct weir_store_change {
	size_t size;	  /* sizeof the library's struct: fields beyond it are absent */
	uint32_t reason;  /* enum weir_leave */
	uint32_t key_len; /* bytes; 0: the key is not in memory, only its hash is known */
	const void *key;  /* valid during the callback; NULL if KEY_LEN is 0 */
	uint64_t hash[2]; /* identity of the key in this store, see weir_store_hash() */
};

/* As weir_store_opts.ghosts: no key that left is remembered. */
#define WEIR_GHOSTS_NONE UINT32_MAX

/*
 * As weir_store_format(), on N devices (PATHS, 1 to WEIR_DEVICES_MAX), in this order. Each gives as
 * many segments as the smallest. If this is interrupted there is no store on any of them. Blocks;
 * any thread.
 */
int weir_store_format_many(const char *const *paths, uint32_t n,
			   const struct weir_store_format_opts *opts);

/* Whether a store that is open for writing answers the questions of other processes on a socket;
 * docs/control.md tells who may ask, and what. */
enum weir_control {
	WEIR_CONTROL_DEFAULT = 0, /* if there is a place for a socket */
	WEIR_CONTROL_ON = 1,	  /* the open fails if there is none */
	WEIR_CONTROL_OFF = 2,	  /* no */
};

/* Options of weir_store_open(). Start from WEIR_STORE_OPTS_INIT; 0 and NULL mean the default. */
struct weir_store_opts {
	size_t size;	       /* sizeof(struct weir_store_opts) */
	uint32_t attach;       /* 1: the opening thread owns the loop; see Threads above */
	uint32_t read_only;    /* 1: nothing is written, recovery included */
	const char *engine;    /* the queue's */
	const char *scheduler; /* default kyber, on a hard disk the queue's; bfq: low_latency 0 */
	uint32_t depth;
	uint64_t depth_bytes;
	uint64_t batch_bytes; /* largest batch; default 1 MiB, at most a segment */
	uint32_t placement;   /* enum weir_placement */
	/* 1: a segment that cannot be read is put out of use for good, with the entries and the
	 * deletes in it, and the store opens. By default the open then fails with -EIO. */
	uint32_t salvage;
	const char *engine_opts; /* the queue's */
	/* It is called on the loop for each key that leaves, once for each time that it was there;
	 * not for those that recovery drops. The rules of weir/queue.h for callbacks count: it may
	 * submit, and must not block; the store waits for it. May be NULL. */
	void (*changed)(void *user, const struct weir_store_change *change);
	void *changed_user;
	/* So many of the keys that left last are remembered for weir_store_get_why(), 24 bytes
	 * each. 0: 65,536. WEIR_GHOSTS_NONE: none. */
	uint32_t ghosts;
	uint32_t forget; /* 1: what pace learns is not kept for the next open (docs/pace.md) */
	uint64_t lock_wait_ns; /* how long to wait for another process's lock; 0: not at all */
	/* A thread of the store's reads all values again and again, at low priority and at most at
	 * this rate, as weir_store_scrub() does. 0: none. Unused with read_only. */
	uint64_t scrub_bytes_per_second;
	uint32_t degraded; /* 1: open without some of the devices too: -ENODEV for keys there */
	/* Other than what the store was formatted with, while it is open: enum weir_policy, and the
	 * percentage of weir_store_format_opts. 0: the store's. */
	uint32_t policy, rewrite_percent;
	uint32_t control; /* enum weir_control */
	/* Puts of so many bytes are being written on a device at the same time; further ones wait
	 * in order, without a position: a deadline or a cancel ends them at once. A longer value is
	 * written alone. 0: 64 MiB, enough for fast drives. UINT64_MAX: no limit. */
	uint64_t max_put_bytes;
	/* Other marks while it is open, as in weir_store_format_opts; 0 and 0: the store's. */
	uint32_t free_low_percent, free_high_percent;
	struct weir_trace *trace; /* of the store's queues (weir/trace.h); NULL (default): none */
	/* The memory that each of the processes of weir/remote.h may give for values under way. 0:
	 * 1 GiB. At least twice the longest value, and at most 64 GiB. */
	uint64_t share_bytes_max;
};

#define WEIR_STORE_OPTS_INIT WEIR_INIT_SIZED(struct weir_store_opts)

/*
 * Opens the store on PATH and recovers it. OPTS may be NULL. PATH names one device, or all devices
 * of the store in any order, with commas between them.
 * Errors: -ENODEV (a device of the store is not among those named: weir_error() says which),
 * -EINVAL (devices of different stores, or one twice), -ENOENT, -EACCES, -EBUSY (another process
 * has it: weir_error() names the pid), -EMEDIUMTYPE (not a weir store), -EPROTONOSUPPORT (another
 * format version or unknown features), -EBADMSG (both superblock copies damaged, or no segment
 * belongs to what they name), -ENODATA (truncated image: weir_error() says by how much), -EIO (a
 * read failed three times, or a write or a flush failed: weir_error() says which one, and where),
 * -ENOSPC (the filesystem below a file is full), -ENOMEM; with WEIR_PLACEMENT_STREAM also those of
 * weir_fdp_read(), and -EOPNOTSUPP (no FDP, or a device that placement ids cannot be named on).
 * Blocks; any thread.
 */
int weir_store_open(struct weir_store **s, const char *path, const struct weir_store_opts *opts);

/*
 * As weir_store_open(), on N queues that the caller has opened, and closes after the store: one for
 * each device of the store (1 to WEIR_DEVICES_MAX), in any order. Lane 0 of each must have a
 * running owner, or be free: then the caller becomes its owner (opts.attach), of all or of none
 * (-EINVAL). The devices should hold WEIR_DEVICE_LOCK. engine, its options, scheduler and depths in
 * OPTS are ignored.
 */
int weir_store_open_queues(struct weir_store **s, struct weir_queue **queues, uint32_t n,
			   const struct weir_store_opts *opts);

/*
 * Waits for all operations, flushes, seals the open segments, and frees S. Returns the first error;
 * the store is closed also if there was one. With opts.attach the owner must call this. NULL is
 * allowed. Blocks. In a child of fork() it frees memory only, and returns 0 at once. Errors: -EIO,
 * -ENOSPC (the filesystem below a sparse file was full), -EDEADLK from a callback. weir_error()
 * names the first io that failed, and says what was dropped.
 */
int weir_store_close(struct weir_store *s);

/* What was lost or let go when a store was closed. Start from WEIR_CLOSE_REPORT_INIT. */
struct weir_close_report {
	size_t size;
	/* Operations that ended with an error while the store was being closed. A miss (-ENOENT)
	 * and a key that is there already (-EEXIST) are answers, and no errors. */
	uint64_t failed_ops;
	uint64_t at_risk;	  /* since it was opened, as weir_store_stats.at_risk */
	uint64_t leases, pins;	  /* keys that were still held (weir/pin.h) */
	uint32_t failed_devices;  /* that had stopped writing, or whose newest io had failed */
	uint32_t missing_devices; /* the store was opened without them (opts.degraded) */
	char words[512]; /* the first io that failed since the store was opened, or ""; with several
			  * devices, of the first device of which one failed */
};

#define WEIR_CLOSE_REPORT_INIT WEIR_INIT_SIZED(struct weir_close_report)

/*
 * Does what weir_store_close() does, and fills in REPORT, also if it fails. In a child of fork(),
 * and for NULL, the report says nothing. Errors: those of weir_store_close(); -EINVAL (REPORT is
 * NULL or not initialized) and -EDEADLK leave the store open.
 */
int weir_store_close_report(struct weir_store *s, struct weir_close_report *report);

enum weir_put_flags {
	WEIR_PUT_WRITTEN = 0,
	WEIR_PUT_DURABLE = 1 << 0,
	/* Puts only: if the key has a value, the put ends with -EEXIST and writes nothing; its own
	 * value is not read. If another put of the key is under way, this one ends when that has
	 * ended: with -EEXIST, or with its error. With WEIR_PUT_DURABLE, the value that is there is
	 * durable when this ends with -EEXIST. A key that is being evicted has its value until it
	 * is gone, as for a get and exists: lease or pin it to learn whether it stays. */
	WEIR_PUT_IF_ABSENT = 1 << 1,
	/* Somebody waits for this. By default the queue treats the writes of puts and deletes as
	 * background ios (WEIR_IO_BACKGROUND), which schedulers let wait for gets. If several puts
	 * share a write, it has the highest priority of them, and one with this flag is enough. */
	WEIR_PUT_FOREGROUND = 1 << 2,
};

/* Flags of gets; they lie beside enum weir_put_flags. */
enum weir_get_flags {
	/* If the value does not verify, its entry is dropped (WEIR_LEAVE_DAMAGED) before the get
	 * ends with -EBADMSG; a get with a deadline ends before that. Nothing is dropped if a newer
	 * record of the key is there or on its way, or if the store takes no writes. */
	WEIR_GET_DROP_DAMAGED = 1 << 8,
	/* The get ends no lease of its key (weir/pin.h): the program calls weir_store_unlease(). */
	WEIR_GET_KEEP_LEASE = 1 << 9,
};

enum weir_store_op_kind {
	WEIR_STORE_PUT = 0,
	WEIR_STORE_GET = 1,
	WEIR_STORE_EXISTS = 2,
	WEIR_STORE_DELETE = 3,
	WEIR_STORE_SYNC = 4, /* a flush: all that was acknowledged before is durable when it ends */
	WEIR_STORE_OP_COUNT = 5,
};

/*
 * One operation. Start from WEIR_STORE_OP_INIT (or memset() to 0), then set what the operation
 * needs: the store reads every field. The caller owns operation, key and value, and leaves them
 * unchanged from submit until `end`. An operation that has ended may be submitted again as it is.
 */
struct weir_store_op {
	uint32_t kind;	/* enum weir_store_op_kind */
	uint32_t flags; /* enum weir_put_flags (put and delete), enum weir_get_flags (get), or 0 */
	const void *key;
	uint32_t key_len;   /* bytes, 1 to WEIR_KEY_MAX */
	uint32_t submitter; /* who is accounted */
	union {
		const void *value;	 /* put */
		void *buf;		 /* get */
		const struct iovec *iov; /* put and get, with nr_iov: the value in pieces */
	};
	uint64_t value_len; /* put: bytes of value, 1 to weir_store_info.max_value_bytes.
			     * get, exists: the length found, from `end` on, also with -EMSGSIZE */
	uint64_t capacity;  /* get: bytes that fit in buf */
	/* Of its I/O, WEIR_PRIO_*; kyber ignores it. 0: gets are urgent (WEIR_PRIO_BE(0)), others
	 * have WEIR_PRIO_DEFAULT. What the store does by itself is less urgent than these. */
	uint16_t prio;
	/* put: where a new key goes, a number that weir_store_add_tenant() gave; 0 holds keys that
	 * belong to no tenant. A key that exists stays in its stream until it is deleted or
	 * evicted, so gets and deletes need no stream. */
	uint16_t stream;
	int32_t result; /* from `end` on: 0 or -errno as at the blocking calls */
	/* 0: the value is in one piece. Otherwise the value lies in so many pieces of memory, which
	 * iov names; at most WEIR_STORE_IOV_MAX. They have any address and length, 0 too; value_len
	 * (put) or capacity (get) is the sum of their lengths. Those of a get must not overlap.
	 * Whole blocks of pieces that are aligned to 4096 are not copied. */
	uint32_t nr_iov;
	/* 0: none. Otherwise the time, in ns of CLOCK_MONOTONIC, at which the operation ends with
	 * -ETIMEDOUT, or at most 1 ms later, where the store's loop runs. A put or delete that has
	 * its position in the log then goes on, and ends with its own result. One that has not is
	 * dropped: its value was not read, and it changes nothing. A get ends in any case: it is
	 * withdrawn from the queue, and if the drive has it already, the drive writes to memory of
	 * the store's own. Therefore a get with a deadline is always copied. What only waits for a
	 * flush, or for another put of its key (WEIR_PUT_IF_ABSENT), ends with its own result; so
	 * does a sync that has begun. The ios of gets and FOREGROUND puts have it, too. */
	uint64_t deadline_ns;
	void (*end)(struct weir_store_op *op); /* may be NULL: use weir_store_wait() */
	void *user;			       /* the caller's own */

	/* The store's own, from submit until `end`; 0 before the first submit. */
	uint64_t priv[16];
};

#define WEIR_STORE_OP_INIT WEIR_INIT_ZEROED(struct weir_store_op, kind)

/*
 * Submits OP. 0: `end` is called exactly once, on the store's loop, under the rules of
 * weir/queue.h for callbacks (submitting more is fine, blocking is not). Never blocks. Puts that
 * are submitted together share writes. With opts.attach the owner must poll (weir_store_poll()) or
 * block in a call for anything to move.
 *
 * Order: unfinished operations on one key are not ordered, unless one thread submits them. Then
 * puts and deletes of the key take effect in the order of submission, and the last of them decides;
 * a get or exists sees a put or delete only when that has ended, and else what was there before.
 * Operations on different keys are not ordered. To have one operation see another, submit it from
 * the other's `end`.
 * Errors (`end` is not called): -EINVAL (key or value length, kind, stream, priority class), -EFBIG
 * (weir_error() says how to format for it). Any thread.
 */
int weir_store_submit(struct weir_store *s, struct weir_store_op *op);

/*
 * Runs the store's loop once without sleeping (opts.attach, owner only); elsewhere it does
 * nothing. Returns 0 or -errno (-EDEADLK from a callback).
 */
int weir_store_poll(struct weir_store *s);

/*
 * A file descriptor that polls readable when the store's loop has something to do: how a program
 * with an event loop of its own uses a store. Open it with opts.attach, submit operations, watch
 * the descriptor, and call weir_store_poll() when it is readable, after every batch of submissions,
 * and when the wait was interrupted (EINTR; see weir_queue_fd()): `end` is called from there. It
 * belongs to the store and is valid until that is closed. Errors: -EPERM (the calling thread does
 * not run the loop), -EMFILE. The owner only.
 */
int weir_store_fd(struct weir_store *s);

/*
 * Asks S to end OP, which was submitted, before it has begun. A put or delete that waits for its
 * position in the log, and an operation that has not reached the loop, end with -ECANCELED and
 * change nothing. Any other ends as if this had not been called. Either way `end` is called
 * exactly once, by the loop. OP must not have been freed: call this only while it is the store's,
 * or keep its memory. Returns 0, also where OP has ended. Errors: -EINVAL (never submitted). Never
 * blocks; any thread, callbacks included.
 */
int weir_store_cancel(struct weir_store *s, struct weir_store_op *op);

/*
 * Blocks until OP has ended, at most TIMEOUT_NS (UINT64_MAX: for ever), and returns its result.
 * Where OP has an `end` too, another thread than the loop's may return before that has finished:
 * keep OP until both have. Errors besides the operation's own: -ETIMEDOUT (OP goes on, and belongs
 * to the store as before), -EINVAL (never submitted), -EDEADLK from a callback. Any thread.
 */
int weir_store_wait(struct weir_store *s, struct weir_store_op *op, uint64_t timeout_ns);

/*
 * Writes a sentence about the result of OP, which has ended, to BUF of SIZE bytes: "get: no such
 * key", "put: write at 0x1f000+4096: Input/output error". For operations that weir_store_submit()
 * took: calls that return an error say the same by weir_error(). The store may be closed. Returns
 * BUF. Any thread.
 */
const char *weir_store_op_strerror(const struct weir_store_op *op, char *buf, size_t size);

/*
 * Stores VALUE under KEY, replacing what was there. VALUE must not change until this returns.
 * A buffer aligned to 4096 goes out without being copied. Large buffers are best in huge pages
 * (MADV_HUGEPAGE): a page that is not beside the one before is a segment of its own in the drive's
 * commands, and where these are dear (virtual disks) that halves the speed of values from 1 MiB on.
 * Errors: -EEXIST (WEIR_PUT_IF_ABSENT: the key has a value already), -EINVAL, -EFBIG (too long:
 * weir_error() says how to format for it), -ENOSPC (pins and open segments hold everything, or the
 * filesystem below a sparse file is full: weir_error() says which), -EDQUOT (not admitted,
 * because the write budget is spent: what was there stays; see weir_store_set_write_budget()),
 * -EROFS (opened read-only, or read-only after a failed flush), -EIO (weir_error() says so where
 * the queue has lost its ring and the store must be reopened), -ENODEV (the device was removed),
 * -EDEADLK. Any thread; blocks.
 */
int weir_store_put(struct weir_store *s, const void *key, uint32_t key_len, const void *value,
		   size_t value_len, uint32_t flags);

/*
 * Reads the value of KEY into BUF; *LEN is its length (LEN may be NULL). Nothing beyond *LEN
 * bytes of BUF is touched. After an error BUF is undefined.
 * Errors: -ENOENT (a miss), -EMSGSIZE (longer than CAPACITY; *LEN says how long), -EBADMSG (the
 * medium returned other bytes: they are not handed out), -EIO (weir_error() says where, and what
 * the drive said), -ENODEV (the device was removed), -EINVAL, -EDEADLK.
 * Any thread; blocks.
 */
int weir_store_get(struct weir_store *s, const void *key, uint32_t key_len, void *buf,
		   size_t capacity, size_t *len);

/*
 * 0 if KEY is there, -ENOENT if not; *LEN (may be NULL) is the length of its value. Reads nothing
 * from the device, and counts as a read of KEY where the store evicts what was not read.
 * Errors: -EINVAL, -EAGAIN (as weir_store_exists_many()). Any thread, callbacks included; never
 * blocks.
 */
int weir_store_exists(struct weir_store *s, const void *key, uint32_t key_len, size_t *len);

/* What a store knows about a key. Start from WEIR_STORE_WHY_INIT. */
struct weir_store_why {
	size_t size;
	uint32_t there;	    /* 1: the key is in the store now */
	uint32_t reason;    /* enum weir_leave: how it left last; 0: it is not known that it left */
	uint64_t time_ns;   /* when it left, CLOCK_REALTIME, in whole milliseconds */
	uint64_t value_len; /* if it is there */
	uint64_t noted;	    /* keys that left since the store was opened: if these are more than
			     * the store remembers (opts.ghosts), the reason may be forgotten */
};

#define WEIR_STORE_WHY_INIT WEIR_INIT_SIZED(struct weir_store_why)

/*
 * Tells whether KEY is there, or why it is not: evicted, deleted, damaged, refused, never put as
 * far as the store remembers (opts.ghosts). What happened before the store was opened is not
 * known. Returns 0 also for a key that is not there. Errors: -EINVAL, -EDEADLK. Any thread; blocks
 * shortly.
 */
int weir_store_get_why(struct weir_store *s, const void *key, uint32_t key_len,
		       struct weir_store_why *why);

/*
 * Computes the identity of KEY in this store: 128 bits, as in struct weir_store_change. Errors:
 * -EINVAL. Any thread.
 */
int weir_store_hash(struct weir_store *s, const void *key, uint32_t key_len, uint64_t hash[2]);

/* A key for calls that take many. */
struct weir_store_key {
	const void *key;
	uint32_t key_len; /* bytes, 1 to WEIR_KEY_MAX */
	uint32_t reserved;
};

/*
 * Says which of the N KEYS are there. LENGTHS, of N numbers, are the lengths of their values in
 * bytes, 0 for a key that is not there. *LEADING (may be NULL) is the number of keys from the first
 * on that are all there. Only these count as reads where the store evicts what was not read: give
 * the keys of one row, in their order (of one prompt, or of one file). A put that has ended is
 * seen; of puts and deletes that have not, each may be seen or not. Each answer was right at one
 * moment of the call, but not all at the same moment.
 * Takes about 150 ns a key, hands nothing over to the loop, takes no lock and makes no other thread
 * wait.
 * Errors: -EINVAL (weir_error() says which key; LENGTHS are not set), -EAGAIN (the thread of the
 * loop was interrupted while it changed the index, and did not run for long: try again).
 * Any thread, callbacks included; never blocks.
 */
int weir_store_exists_many(struct weir_store *s, const struct weir_store_key *keys, size_t n,
			   uint64_t *lengths, size_t *leading);

/*
 * Deletes KEY. If there is no such key it returns -ENOENT and writes nothing. WEIR_PUT_DURABLE
 * flushes even then, so that the earlier delete or eviction of the key is durable.
 * Errors as for weir_store_put(), and -EBUSY (WEIR_DELETE_UNHELD of pin.h). Any thread; blocks.
 */
int weir_store_delete(struct weir_store *s, const void *key, uint32_t key_len, uint32_t flags);

/*
 * Makes durable all that was acknowledged before. Errors: -EIO, -ENOSPC (the filesystem below a
 * sparse file is full), -EROFS, -EDEADLK.
 * Any thread; blocks.
 */
int weir_store_sync(struct weir_store *s);

/*
 * Submits N operations (any mix of kinds) together and waits for all. Each op's result is its
 * own; returns 0 if all are 0, else the first error by index. -EINVAL, and nothing is submitted,
 * where an operation has an `end`. Any thread; blocks.
 */
int weir_store_run(struct weir_store *s, struct weir_store_op *ops, size_t n);

/* Puts N values at once: ops[i].kind is filled in. As weir_store_run() otherwise. */
int weir_store_put_many(struct weir_store *s, struct weir_store_op *ops, size_t n);

/*
 * Gets N values at once: ops[i].kind is filled in. Returns 0 also where some are misses: look at
 * each result. As weir_store_run() otherwise.
 */
int weir_store_get_many(struct weir_store *s, struct weir_store_op *ops, size_t n);

/* One entry of a listing. */
struct weir_store_entry {
	size_t size;	 /* sizeof the library's struct: fields beyond it are absent */
	const void *key; /* valid during the callback */
	uint32_t key_len;
	uint32_t stream;
	uint64_t value_len;
	uint64_t sequence; /* rises with every put of the store */
};

/*
 * Calls FN for each entry, stream by stream, the oldest first; keys are read from the device.
 * Entries that are put, deleted or evicted meanwhile may be listed or not. FN runs on the calling
 * thread, holds no lock, and may call the store. It returns 0 to go on. Any other value stops the
 * listing and is returned as it is; weir_error() then stays as FN left it.
 * Errors: -EBADMSG (damaged batch headers hide the keys of some entries), -EIO (the headers of some
 * entries cannot be read, tried three times); both come when FN has got all other entries, and
 * weir_error() says how many are missing. -ENODEV (the device was removed), -EIO also if the queue
 * has lost its ring, -ENOMEM, -EDEADLK. Any thread; blocks.
 */
int weir_store_list(struct weir_store *s,
		    int (*fn)(const struct weir_store_entry *entry, void *user), void *user);

/* What a listing did. Start from WEIR_STORE_LIST_COUNTS_INIT. */
struct weir_store_list_counts {
	size_t size;
	uint64_t listed; /* entries that the function got */
	uint64_t hidden; /* entries whose keys damaged batch headers hide */
	uint64_t unread; /* entries whose batch headers could not be read */
};

#define WEIR_STORE_LIST_COUNTS_INIT WEIR_INIT_SIZED(struct weir_store_list_counts)

/* Options of weir_store_list_counted(). Start from WEIR_LIST_OPTS_INIT; 0 and NULL mean the
 * default. */
struct weir_list_opts {
	size_t size;
	const void *prefix; /* only keys that begin with it; the caller's, until the call returns */
	uint32_t prefix_len;
};

#define WEIR_LIST_OPTS_INIT WEIR_INIT_SIZED(struct weir_list_opts)

/*
 * Does what weir_store_list() does, with OPTS, and fills in COUNTS, also if it fails. The headers
 * of all batches are read, whatever the prefix is; and nobody knows which prefix a hidden key has,
 * so all of these are counted. OPTS and COUNTS may be NULL. Errors: those of weir_store_list();
 * -EINVAL (the prefix is longer than a key). Any thread; blocks.
 */
int weir_store_list_counted(struct weir_store *s, const struct weir_list_opts *opts,
			    int (*fn)(const struct weir_store_entry *entry, void *user), void *user,
			    struct weir_store_list_counts *counts);

/* Facts about a store. Start from WEIR_STORE_INFO_INIT. */
struct weir_store_info {
	size_t size;
	uint8_t uuid[16];
	uint32_t version;
	uint32_t block_bytes;
	uint64_t capacity_bytes, segment_bytes, max_value_bytes;
	uint64_t segments;
	uint64_t epoch, revision;
	uint32_t streams, tenants; /* weir/tenant.h */
	uint32_t placement;	   /* enum weir_placement, in force: NONE or STREAM */
	uint32_t placement_asked;  /* what the store was formatted for */
	/* Why streams have no placement ids, although the store is formatted for that and the
	 * options did not forbid it: tell the user once. NULL: there is nothing to tell. Valid
	 * until the store is closed. */
	const char *placement_why;
	/* Devices that the store has, and how many of them are missing (opts.degraded). Sizes and
	 * segments are those of all devices that are there together; epoch and revision are the
	 * first one's. */
	uint32_t devices, devices_missing;
	/* The eviction policy in force: enum weir_policy, CLOCK or FIFO, and the percentage of a
	 * segment that may be written again. */
	uint32_t policy, rewrite_percent;
	/* The socket on which the store answers other processes, see enum weir_control; NULL:
	 * none, and control_why says why if one was wanted. Valid until the store is closed. */
	const char *control_path, *control_why;
	uint64_t write_budget; /* bytes a day; 0: none, see weir_store_set_write_budget() */
	/* The marks in force, of all devices together, as numbers that
	 * weir_store_stats.free_segments is compared with; 0 and 0: none. See
	 * weir_store_format_opts.free_low_percent. */
	uint64_t free_low, free_high;
};

#define WEIR_STORE_INFO_INIT WEIR_INIT_SIZED(struct weir_store_info)

/* Fills in INFO. Any thread. */
int weir_store_get_info(struct weir_store *s, struct weir_store_info *info);

/*
 * Fills in INFO about the store on PATH from its superblock, for instance to learn whether a value
 * would fit. The store is not opened: nothing is locked, recovered or written, and another process
 * may have it open. Of OPTS,
 * which may be NULL, engine and engine_opts count; `placement` is NONE, since nothing is open.
 * Errors: those of weir_store_open() but -EBUSY. Blocks; any thread, but no callback.
 */
int weir_store_peek(struct weir_store_info *info, const char *path,
		    const struct weir_store_opts *opts);

/*
 * Writes to BUF of SIZE bytes how to format a store that takes values of VALUE_BYTES, to one who
 * has the store of INFO: "format with max_value_bytes 2MiB", or which size the device must have for
 * that, or that no store takes them. Returns BUF. Any thread.
 */
const char *weir_store_advise(const struct weir_store_info *info, uint64_t value_bytes, char *buf,
			      size_t size);

/*
 * Sets the write budget of the store: it writes at most so many bytes a day to its devices, because
 * drives wear. 0: as many as it likes. Everything that it writes counts, headers and entries that
 * are appended again too. What was not written on one day may be written on the next: the store may
 * spend the budget of a day at once, and time pays it back evenly. So N days see at most N + 1
 * budgets. When it is spent, puts end with -EDQUOT; when seven eighths of it are, puts of keys that
 * the store has not seen lately. Seen are keys that are there, those that weir_store_get_why()
 * knows the reason of, and the last million that were put since the store was opened with a budget
 * or got it. After a restart that is only what is there: a key that left before is refused once, if
 * so much is spent. Deletes, and what reclaiming writes again, are never refused, and may spend
 * more, which is paid back later.
 *
 * It is written to the superblocks, and so is what was spent: restarts give nothing back. Each
 * device has the same part of it: all get it, or none. Errors: -EINVAL (less than 16 MiB for a
 * device), -EROFS, -EIO, -ENOMEM, -EDEADLK from a callback. Blocks; any thread.
 */
int weir_store_set_write_budget(struct weir_store *s, uint64_t bytes_per_day);

/*
 * Sets the marks between which segments are reclaimed before puts need them, as
 * weir_store_format_opts.free_low_percent and free_high_percent say: LOW_PERCENT (or
 * WEIR_FREE_LOW_NONE) and HIGH_PERCENT, 0 and 0 for the default. They are in force at once,
 * whatever the options of the open were, and stay in the superblocks: all devices get them,
 * or none. Errors: -EINVAL (more than 50, or the low one above the high one), -EROFS, -EIO,
 * -ENOMEM, -EDEADLK from a callback. Blocks; any thread.
 */
int weir_store_set_free_marks(struct weir_store *s, uint32_t low_percent, uint32_t high_percent);

/* Counters since the store was opened, unless they say otherwise. */
struct weir_store_stats {
	size_t size;
	uint64_t entries;    /* now */
	uint64_t live_bytes; /* payload bytes of the entries now */
	/* Now. Together they are always all segments (weir_store_info.segments): a segment that is
	 * being begun or reclaimed, or that cannot be written, counts as used. A stream
	 * (weir_store_stream) counts only the segments that hold its log. */
	uint64_t free_segments, used_segments;
	uint64_t index_bytes; /* memory of the index now */
	uint64_t puts, gets, hits, deletes;
	uint64_t put_bytes, get_bytes; /* payload */
	uint64_t written_bytes;	       /* to the device: headers, padding and footers included */
	uint64_t flushes;
	uint64_t evicted_segments, evicted_entries;
	uint64_t checksum_errors; /* payloads that came back wrong, twice */
	uint64_t at_risk;	  /* written puts that a failed flush should have covered */
	uint64_t read_only;	  /* 1: no more writes until reopened */
	/* What the last recovery found. */
	uint64_t recovery_ns;
	uint64_t recovered_entries;
	uint64_t recovered_open_segments;   /* without a footer, so walked */
	uint64_t recovered_bad_footers;	    /* of these: the footer was damaged */
	uint64_t recovered_bad_headers;	    /* segments lost */
	uint64_t recovered_skipped_blocks;  /* walked over, no valid batch header */
	uint64_t recovered_dropped_records; /* payload did not verify */
	struct weir_latency put, get;	    /* submitted -> ended */
	uint64_t recovered_conflicts; /* keys alive in two streams: the older version was dropped */
	uint64_t rereads;	      /* blocks that came back wrong and were read once more */
	uint64_t ghost_bytes; /* memory of the table of keys that left (weir_store_opts.ghosts) */
	/* Now: the bytes of the segments that take no more values, and of these the bytes at their
	 * ends that are left over, because the next value did not fit or the store was closed. */
	uint64_t sealed_bytes, unused_bytes;
	/* Segments that are out of use, since this life or an earlier one: they could not be read,
	 * and were given up with what they held (opts.salvage) or were set aside (aside_segments),
	 * or their header could not be written when they were reclaimed. */
	uint64_t recovered_out_of_use;
	uint64_t recovered_unsealed; /* segments whose footer could not be written */
	/* Superblock copies that were damaged, could not be read, or could not be written. */
	uint64_t recovered_bad_superblocks;
	/* Of the evicted ones: they should have been appended again, and do not verify. */
	uint64_t damaged_entries;
	/* Entries that were appended again when their segment was reclaimed, and their bytes. */
	uint64_t survivors, survivor_bytes;
	/* Scrubs: whole passes; bytes of values that were read; values that did not verify, and
	 * entries that were dropped because of that; values that could not be read. */
	uint64_t scrub_passes, scrub_bytes, scrub_damaged, scrub_dropped, scrub_read_errors;
	uint64_t failed_ios; /* that the devices did not do; discards are not counted */
	/* Bytes of puts that are being written now, and how often puts of a stream began to wait
	 * because these were opts.max_put_bytes. */
	uint64_t writing_bytes, put_waits;
	/* Puts that the write budget did not admit, and their values. */
	uint64_t refused_puts, refused_bytes;
	uint64_t budget_spent_bytes; /* now, and in earlier lives too; without a budget 0 */
	/* Reclaims of segments that began before a put or delete waited for space, and those that
	 * began while one did. */
	uint64_t background_reclaims, inline_reclaims;
	/* Values after which a scrub waited longer, because the store was in use (weir/scrub.h). */
	uint64_t scrub_slowed;
	/* The times for which puts or deletes of a stream waited, because no segment was free. */
	struct weir_latency space_wait;
	/* Now: of the segments out of use, those that were set aside, since something in them could
	 * not be read when they were reclaimed, and the bytes of values that live in them. A get
	 * tries to read such a value again. */
	uint64_t aside_segments, aside_bytes;
};

#define WEIR_STORE_STATS_INIT WEIR_INIT_SIZED(struct weir_store_stats)

/* Fills in STATS. Blocks shortly; -EDEADLK from a callback. Any thread. */
int weir_store_get_stats(struct weir_store *s, struct weir_store_stats *stats);

/* Returns the queue of the store, for its statistics; of several devices, that of the first one
 * that is there. Any thread. */
struct weir_queue *weir_store_queue(struct weir_store *s);

enum weir_store_device_state {
	WEIR_STORE_DEVICE_GOOD = 0,
	WEIR_STORE_DEVICE_STOPPED = 1, /* no more writes until the store is reopened */
	WEIR_STORE_DEVICE_MISSING = 2, /* the store was opened without it */
	WEIR_STORE_DEVICE_FAILING = 3, /* the newest io failed; writes are still tried */
};

/* Facts about a device of a store. Start from WEIR_STORE_DEVICE_INIT. */
struct weir_store_device {
	size_t size;
	uint32_t number;  /* its place in the store, from 0 */
	uint32_t state;	  /* enum weir_store_device_state */
	const char *path; /* NULL: it is missing. Valid until the store is closed */
	/* Missing: why, if it is known. Otherwise the first io that failed, or NULL. As path. */
	const char *why;
	struct weir_queue *queue; /* NULL: it is missing */
	uint64_t failed_ios;	  /* of the store, since it was opened; 0 if it is missing */
};

#define WEIR_STORE_DEVICE_INIT WEIR_INIT_SIZED(struct weir_store_device)

/*
 * Fills in DEVICE for device N of the store, which begins with 0. Errors: -ENOENT (there are
 * fewer), -EDEADLK from a callback. Blocks shortly; any thread.
 */
int weir_store_get_device(struct weir_store *s, uint32_t n, struct weir_store_device *device);

/*
 * As weir_store_get_stats(), for device N of the store alone. Errors: -ENOENT (there are fewer),
 * -ENODEV (it is missing), -EDEADLK from a callback. Blocks shortly; any thread.
 */
int weir_store_get_device_stats(struct weir_store *s, uint32_t n, struct weir_store_stats *stats);

#ifdef __cplusplus
}
#endif
#endif
