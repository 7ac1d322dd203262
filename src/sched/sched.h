/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sched.h - the interface between the queue and the I/O schedulers, which decide which request
 * goes first.
 *
 * A scheduler is a pure state machine. It is told the time and never reads a clock; it never
 * sleeps, takes no lock, and knows nothing of devices, threads or rings. It allocates all its
 * memory in init(), from the sizes in struct sched_env. One instance is entered by one thread.
 * Sectors are 512 bytes.
 */
#ifndef SCHED_H
#define SCHED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include <bsd/sys/tree.h>

#define SCHED_SECTOR_SHIFT 9
#define SCHED_NEVER UINT64_MAX
#define SCHED_GAUGES_MAX 8u
#define SCHED_REASONS_MAX 16u
#define SCHED_STATE_MAX 128u /* numbers that tell what an instance has learned */

enum sched_op { /* the same values as enum weir_op */
		SCHED_READ = 0,
		SCHED_WRITE = 1,
		SCHED_FLUSH = 2, /* never given to a scheduler */
		SCHED_DISCARD = 3,
		SCHED_WRITE_ZEROES = 4,
};

enum sched_rq_flags {
	SCHED_RQ_SYNC = 1 << 0, /* reads, and writes that somebody waits for */
	SCHED_RQ_FUA = 1 << 1,
	SCHED_RQ_NOMERGE = 1 << 2,
	SCHED_RQ_STARTED = 1 << 3, /* it was dispatched: no more merging */
	/* in completed(): it failed or never came to the device, so its latency tells nothing */
	SCHED_RQ_UNTIMED = 1 << 4,
	/* in completed(), with the one above: it was cancelled and never came to the device */
	SCHED_RQ_UNSENT = 1 << 5,
};

/*
 * The part of a request that a scheduler sees. The queue owns it and embeds it in its own struct.
 */
struct sched_rq {
	uint64_t sector;
	uint32_t nr_sectors;
	uint32_t submitter;
	uint16_t ioprio;      /* class << 13 | level; the class is never 0 */
	uint8_t op;	      /* enum sched_op */
	uint8_t flags;	      /* enum sched_rq_flags */
	uint32_t ctx;	      /* the staging queue that it came from, below sched_env.nr_ctxs */
	uint64_t start_ns;    /* time when it got its tag */
	uint64_t io_start_ns; /* time when it was handed to the engine */
	uint64_t deadline_ns; /* time by which it should be complete; 0: it has no deadline */
	/*
	 * These members belong to the scheduler from insert() until finish(). priv is NULL at
	 * insert().
	 */
	/* time of insertion; after a merge, that of the request that waits longest */
	uint64_t inserted_ns;
	TAILQ_ENTRY(sched_rq) fifo;
	RB_ENTRY(sched_rq) node;
	LIST_ENTRY(sched_rq) hash;
	void *priv[2];
	/* why dispatch() chose it: an index of sched_ops.reasons, if the scheduler has these */
	uint8_t reason;
};

TAILQ_HEAD(sched_list, sched_rq);

/* The reach of an instance: one for each lane, or one for the whole queue, on its home lane. */
enum sched_scope { SCHED_PER_LANE, SCHED_PER_QUEUE };

enum sched_flags {
	/* it keeps no order: while there is room below, requests may skip the scheduler */
	SCHED_DIRECT = 1 << 0,
	/*
	 * The accounts that share the tags when these are scarce, each by its weight; without
	 * these two flags, there is only one account. One account for each submitter.
	 */
	SCHED_BY_SUBMITTER = 1 << 1,
	SCHED_BY_CLASS = 1 << 2, /* one account for each priority class */
	/* limit_depth() has two kinds: reads, and all others, synchronous or not. */
	SCHED_LIMITS_WRITES = 1 << 3,
	/* The kernel reads these tunables as unsigned, so a number below 0 is not valid. */
	SCHED_UNSIGNED = 1 << 4,
	/* It may keep the drive free after a synchronous request, for the next one like it, and
	 * lets background requests go meanwhile. */
	SCHED_IDLES = 1 << 5,
	/* It heeds sched_rq.deadline_ns. */
	SCHED_DEADLINES = 1 << 6,
};

enum sched_merge { SCHED_MERGE_NONE, SCHED_MERGE_BACK, SCHED_MERGE_FRONT, SCHED_MERGE_DISCARD };

/* Which requests may be merged: 2, 1 and 0 in nomerges of sysfs. */
enum sched_merging {
	SCHED_MERGING_OFF, /* none */
	/* only with the request that was merged or inserted last, and in ctx lists */
	SCHED_MERGING_ONE_HIT,
	SCHED_MERGING_ALL,
};

/* The facts that an instance gets in init(). */
struct sched_env {
	uint32_t nr_requests; /* the largest number of requests in this instance */
	uint32_t depth;	      /* number of driver tags below the scheduler */
	uint32_t nr_lanes;    /* number of instances that share the device (1 for PER_QUEUE) */
	uint32_t lane;	      /* the index of this instance among them */
	uint32_t nr_ctxs;
	uint32_t max_submitters; /* submitters beyond this number share one entry */
	bool rotational;
	/* No submitter is a program that begins and that a person waits for, so none of them is
	 * given more than its share for that, unless a tunable says otherwise. */
	bool steady;

	/* The owner may change this member at any time, in struct sched. */
	uint8_t merging; /* enum sched_merging */
	/* above 1: discards may be merged even if they do not touch */
	uint32_t max_discard_segments;
	/*
	 * Asks the owner to merge two requests; HOW is the side of INTO. The owner returns false
	 * if it refuses (a limit, another placement, ...). Otherwise it merges its own part and
	 * returns true: then INTO grows, and GONE is forgotten without finish(). Called in
	 * insert() and merged() only. NULL: two requests are never merged.
	 */
	bool (*merge)(void *owner, struct sched_rq *into, struct sched_rq *gone,
		      enum sched_merge how);
	/*
	 * Returns the weight that was set for SUBMITTER, or 0: for schedulers that forget
	 * submitters which are gone and may come back. NULL: only set_weight() tells.
	 */
	uint32_t (*weight_of)(void *owner, uint32_t submitter);
	void *owner;
};

/*
 * A tunable, with the name and the unit that sysfs has. Values are signed 64-bit integers in this
 * interface.
 */
struct sched_tunable {
	const char *name;
	const char *unit;    /* "ms", "ns", "requests", "bool" ... */
	const char *summary; /* its effect in one line */
	int64_t min, max, def;
	uint8_t def_percent; /* if not 0, the default is this percentage of nr_requests */
	bool read_only;
};

struct sched;

/*
 * The functions of a scheduler. insert, dispatch, has_work, init and exit are required. Any other
 * one may be NULL if it would do nothing (find_merge: never; limit_depth: no limit; next_wakeup:
 * never).
 */
struct sched_ops {
	const char *name;
	const char *summary;
	enum sched_scope scope;
	uint32_t flags;			      /* enum sched_flags */
	const struct sched_tunable *tunables; /* the last one has a NULL name; NULL: no tunables */
	/* words for sched_rq.reason, for users, SCHED_REASONS_MAX at most; NULL follows the last
	 * one; NULL: the scheduler gives no reasons */
	const char *const *reasons;
	/* names of the figures of gauge(), which end with the unit ("read_window_ns"); NULL follows
	 * the last one; NULL: the scheduler has none. Traces have the first five. */
	const char *const *gauges;

	int (*init)(struct sched **s, const struct sched_env *env); /* returns 0 or -ENOMEM */
	/* the instance holds no request any more */
	void (*exit)(struct sched *s);

	/* Inserts all requests of LIST, in order. */
	void (*insert)(struct sched *s, struct sched_list *list, uint64_t now);
	/*
	 * Finds a request with which RQ (not inserted) can be merged, and the side. If the owner
	 * merges them, it calls sched_grow() and merged().
	 */
	enum sched_merge (*find_merge)(struct sched *s, const struct sched_rq *rq,
				       struct sched_rq **into);
	/*
	 * Tells the scheduler that RQ grew. If that was at its front, its sector has already
	 * changed (OLD_SECTOR was the old one). If the gap to a neighbour was closed, RQ and the
	 * neighbour may be merged: see sched_env.merge.
	 */
	void (*merged)(struct sched *s, struct sched_rq *rq, enum sched_merge how,
		       uint64_t old_sector);
	/*
	 * Returns the next request, or NULL if there is none now (has_work and next_wakeup say
	 * whether there will be one). Called only when a driver tag and room in bytes are free. A
	 * request that the engine then refuses does not come back: the lane keeps it and
	 * dispatches it again before all others.
	 */
	struct sched_rq *(*dispatch)(struct sched *s, uint64_t now);
	/*
	 * Tells the scheduler that RQ, dispatched before, is complete on the device. finish()
	 * follows.
	 */
	void (*completed)(struct sched *s, struct sched_rq *rq, uint64_t now);
	/* Tells the scheduler that RQ, dispatched or never inserted, will not be used again. */
	void (*finish)(struct sched *s, struct sched_rq *rq);
	/*
	 * Returns a limit, at least 1: an io like this one gets a tag while ios of its kind
	 * (reads, other synchronous ones, the rest) hold fewer tags than this. Tags of other kinds
	 * do not count. Only op, flags (SCHED_RQ_SYNC, SCHED_RQ_FUA), ioprio and submitter of LIKE
	 * are set.
	 */
	uint32_t (*limit_depth)(struct sched *s, const struct sched_rq *like);
	/*
	 * Returns the weight, at least 1, of the account that an io like this one has when tags
	 * are scarce. LIKE is as above. NULL: all have the same weight.
	 */
	uint32_t (*weight)(struct sched *s, const struct sched_rq *like);
	/*
	 * Returns the length in bytes beyond which an io like this one is cut into several
	 * requests, at least 1; a part has one block at least. LIKE is as above. NULL: only the
	 * limits of the device count. Ios that must not wait for tags are not cut.
	 */
	uint64_t (*longest)(struct sched *s, const struct sched_rq *like);
	void (*depth_changed)(struct sched *s, uint32_t nr_requests);
	void (*submitter_gone)(struct sched *s, uint32_t submitter);
	/*
	 * Sets SUBMITTER's share compared with others, 1 to 1000; the default is 100. Returns 0,
	 * or -ENOSPC if too many submitters have one. NULL: all submitters have the same share.
	 */
	int (*set_weight)(struct sched *s, uint32_t submitter, uint32_t weight);
	/* Returns true if requests wait here, whether or not one may be dispatched now. */
	bool (*has_work)(struct sched *s);
	/*
	 * Returns the time at which dispatch() may return a request although it does not now.
	 * SCHED_NEVER: only after an insert or a completion. It counts only while has_work() is
	 * true and there is room below.
	 */
	uint64_t (*next_wakeup)(struct sched *s);
	/*
	 * Does what is due by NOW. dispatch() and completed() do it too; a simulator calls this at
	 * next_wakeup(). NULL: nothing is ever due.
	 */
	void (*tick)(struct sched *s, uint64_t now);

	/*
	 * Returns the latency that reads are meant to keep, from submission to completion, in ns;
	 * 0: none now. NULL: the scheduler has no such target.
	 */
	uint64_t (*read_target)(struct sched *s);

	/*
	 * These keep what an instance has learned of its drive. save() writes it to VALUES, at most
	 * SCHED_STATE_MAX numbers, and returns how many; 0: it has learned nothing yet. valid()
	 * returns true if the N numbers VALUES, which may be anything, are what save() of this
	 * state_version writes; it is entered by any thread. load() takes over what valid() has
	 * accepted, at any time. same() returns true if the numbers A and B, both from save() or
	 * accepted, tell the same, but for the time between them; any thread enters it. Settings of
	 * users are no part of it. NULL: the scheduler learns nothing that is worth keeping.
	 */
	uint32_t state_version;
	unsigned (*save)(struct sched *s, uint64_t *values, uint64_t now);
	bool (*valid)(const uint64_t *values, unsigned n);
	void (*load)(struct sched *s, const uint64_t *values, uint64_t now);
	bool (*same)(const uint64_t *a, const uint64_t *b);

	/* Writes what its gauges are now to VALUES, SCHED_GAUGES_MAX at most. */
	void (*gauge)(struct sched *s, int64_t *values);

	/* the value is in range already */
	int (*set)(struct sched *s, unsigned tunable, int64_t value);
	int64_t (*get)(struct sched *s, unsigned tunable);
};

/* The common part: each instance begins with it. */
struct sched {
	const struct sched_ops *ops;
	struct sched_env env;
};

extern const struct sched_ops sched_none, sched_mq_deadline, sched_kyber, sched_bfq;
extern const struct sched_ops sched_noop, sched_deadline, sched_cfq;
extern const struct sched_ops sched_pace;

/* The table of schedulers; NULL follows the last one. */
extern const struct sched_ops *const sched_table[];

/* Returns the scheduler named NAME, or NULL. */
const struct sched_ops *sched_find(const char *name);

/*
 * Sets weir_error() for a NAME that is no scheduler: the most similar one, or all that there are.
 * Returns ERR.
 */
int sched_unknown(const char *name, int err);

/*
 * Sets weir_error() for a weight that OPS, which has none, was to have: the schedulers that do.
 * Returns ERR.
 */
int sched_no_weights(const struct sched_ops *ops, int err);

/* Returns the index of the tunable NAME in OPS, or -1. */
int sched_find_tunable(const struct sched_ops *ops, const char *name);

/*
 * Sets weir_error() for a NAME that is no tunable of OPS: the most similar tunable, or where they
 * are listed. Returns -EINVAL.
 */
int sched_unknown_tunable(const struct sched_ops *ops, const char *name);

/*
 * Reads the value of tunable T of OPS from TEXT, as amount_parse() does. Like sysfs for the
 * kernel's schedulers, it replaces a value out of range by the nearest valid one and sets *CLAMPED.
 * Returns 0, an error of amount_parse(), or -EINVAL if the value is below 0 and OPS permits no such
 * numbers; amount_refuse() tells the user.
 */
int sched_read_value(const struct sched_ops *ops, const struct sched_tunable *t, const char *text,
		     int64_t *value, bool *clamped);

/* merge.c: enlarges INTO by GONE, at the side HOW. */
void sched_grow(struct sched_rq *into, const struct sched_rq *gone, enum sched_merge how);

#endif
