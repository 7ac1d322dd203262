/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sched.h - who goes first: the interface between the queue and the I/O schedulers.
 *
 * A scheduler is a pure state machine. It is told the time and never reads a clock; it never
 * sleeps, takes no lock, and knows nothing of devices, threads or rings. All its memory is
 * allocated in init(), from the sizes in struct sched_env. One instance is entered by one thread.
 * Sectors are 512 bytes.
 */
#ifndef SCHED_H
#define SCHED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include <bsd/sys/tree.h>

#include <weir/sched.h>

#define SCHED_SECTOR_SHIFT 9
#define SCHED_NEVER UINT64_MAX

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
	SCHED_RQ_STARTED = 1 << 3, /* handed down: no more merging */
};

/* What a scheduler sees of a request. The queue owns it and embeds it in its own. */
struct sched_rq {
	uint64_t sector;
	uint32_t nr_sectors;
	uint32_t submitter;
	uint16_t ioprio;      /* class << 13 | level, never class 0 */
	uint8_t op;	      /* enum sched_op */
	uint8_t flags;	      /* enum sched_rq_flags */
	uint32_t ctx;	      /* staging queue it came from, below sched_env.nr_ctxs */
	uint64_t start_ns;    /* when it got its tag */
	uint64_t io_start_ns; /* when it was handed to the engine */
	/* The scheduler's, from insert() until finish(). priv is NULL at insert(). */
	uint64_t inserted_ns; /* waits since then; or since one came that has become part of it */
	TAILQ_ENTRY(sched_rq) fifo;
	RB_ENTRY(sched_rq) node;
	LIST_ENTRY(sched_rq) hash;
	void *priv[2];
};

TAILQ_HEAD(sched_list, sched_rq);

/* How far an instance reaches: one for each lane, or one for the queue, on its home lane. */
enum sched_scope { SCHED_PER_LANE, SCHED_PER_QUEUE };

enum sched_flags {
	SCHED_DIRECT = 1 << 0, /* keeps no order: with room, requests may pass it by */
	/* Who shares the tags where they are short, each by its weight; neither: all are one. */
	SCHED_BY_SUBMITTER = 1 << 1,
	SCHED_BY_CLASS = 1 << 2, /* the priority's */
	/* For limit_depth() all that are no reads are of one kind, awaited or not. */
	SCHED_LIMITS_WRITES = 1 << 3,
	/* The kernel reads the tunables as unsigned: there is no number below 0. */
	SCHED_UNSIGNED = 1 << 4,
};

enum sched_merge { SCHED_MERGE_NONE, SCHED_MERGE_BACK, SCHED_MERGE_FRONT, SCHED_MERGE_DISCARD };

/* Who may be merged: sysfs's nomerges 2, 1 and 0. */
enum sched_merging {
	SCHED_MERGING_OFF,     /* nobody */
	SCHED_MERGING_ONE_HIT, /* only with what was merged or inserted last, and in ctx lists */
	SCHED_MERGING_ALL,
};

/* What an instance is told at init. */
struct sched_env {
	uint32_t nr_requests; /* requests that can exist at once in this instance */
	uint32_t depth;	      /* driver tags below it */
	uint32_t nr_lanes;    /* instances that share the device (1 for PER_QUEUE) */
	uint32_t lane;	      /* which of them this is */
	uint32_t nr_ctxs;
	uint32_t max_submitters; /* beyond: a catch-all */
	bool rotational;

	/* The owner may change this one at any time, in struct sched. */
	uint8_t merging;	       /* enum sched_merging */
	uint32_t max_discard_segments; /* above 1: discards merge though they do not touch */
	/*
	 * Two requests could become one: HOW says at which side of INTO. The owner returns false
	 * if it refuses (a limit, another placement, ...), or joins what is its own and returns
	 * true: then INTO grows, and GONE is forgotten without finish(). Called in insert() and
	 * merged() only. NULL: requests never become one there.
	 */
	bool (*join)(void *owner, struct sched_rq *into, struct sched_rq *gone,
		     enum sched_merge how);
	void *owner;
};

/* One tunable: sysfs's name and unit. Values cross this interface as signed 64-bit integers. */
struct sched_tunable {
	const char *name;
	const char *unit;    /* "ms", "ns", "requests", "bool" ... */
	const char *summary; /* what it moves, in one line */
	int64_t min, max, def;
	uint8_t def_percent; /* not 0: the default is this share of nr_requests */
	bool read_only;
};

struct sched;

/*
 * What a scheduler does. insert, dispatch, has_work, init and exit are needed; any other may be
 * NULL where there is nothing to do (merge: never; limit_depth: no limit; next_wakeup: never).
 */
struct sched_ops {
	const char *name;
	const char *summary;
	enum sched_scope scope;
	uint32_t flags;			      /* enum sched_flags */
	const struct sched_tunable *tunables; /* ended by a NULL name; NULL for none */

	int (*init)(struct sched **s, const struct sched_env *env); /* 0 or -ENOMEM */
	void (*exit)(struct sched *s);				    /* holds no request any more */

	/* Takes every request of LIST, in order. */
	void (*insert)(struct sched *s, struct sched_list *list, uint64_t now);
	/* Finds a request that RQ (not inserted) could join, and on which side. If the owner joins
	 * them it calls sched_grow() and merged(). */
	enum sched_merge (*merge)(struct sched *s, const struct sched_rq *rq,
				  struct sched_rq **into);
	/* RQ grew: at its front, sector has changed already (OLD_SECTOR is what it was). If that
	 * closed a gap, RQ may be absorbed by, or absorb, its neighbour: see sched_env.join. */
	void (*merged)(struct sched *s, struct sched_rq *rq, enum sched_merge how,
		       uint64_t old_sector);
	/* The next request, or NULL: nothing now (has_work and next_wakeup say whether later).
	 * Asked only when a driver tag and room in bytes are free. A request that the engine then
	 * refuses does not come back: the lane keeps it and hands it down again before all others.
	 */
	struct sched_rq *(*dispatch)(struct sched *s, uint64_t now);
	/* RQ, dispatched before, has ended on the device. finish() follows. */
	void (*completed)(struct sched *s, struct sched_rq *rq, uint64_t now);
	/* RQ, dispatched or never inserted, leaves for good. */
	void (*finish)(struct sched *s, struct sched_rq *rq);
	/* An io like this one gets one of nr_requests while those of its kind (reads, other
	 * synchronous ones, the rest) hold fewer than this; at least 1. What other kinds hold does
	 * not count. Of LIKE only op, flags (SCHED_RQ_SYNC, SCHED_RQ_FUA), ioprio and submitter
	 * are set. */
	uint32_t (*limit_depth)(struct sched *s, const struct sched_rq *like);
	/* The weight of who submits ios like this one, among those who want tags; at least 1. LIKE
	 * as above. NULL: all have the same. */
	uint32_t (*weight)(struct sched *s, const struct sched_rq *like);
	void (*depth_changed)(struct sched *s, uint32_t nr_requests);
	void (*submitter_gone)(struct sched *s, uint32_t submitter);
	/* SUBMITTER's share among the others, 1 to 1000; 100 unless set. 0 or -ENOSPC (too many
	 * submitters have one). NULL: every submitter is the same. */
	int (*set_weight)(struct sched *s, uint32_t submitter, uint32_t weight);
	/* Something waits here, whether or not it may go now. */
	bool (*has_work)(struct sched *s);
	/* When dispatch() could have an answer that it does not have now; SCHED_NEVER: only
	 * after an insert or a completion. Asked only while has_work(), and with room below. */
	uint64_t (*next_wakeup)(struct sched *s);
	/* Lets happen what is due by NOW. dispatch() and completed() do it too; a simulator calls
	 * this at next_wakeup(). NULL: nothing ever is. */
	void (*tick)(struct sched *s, uint64_t now);

	int (*set)(struct sched *s, unsigned tunable, int64_t value); /* in range already */
	int64_t (*get)(struct sched *s, unsigned tunable);
};

/* Every instance begins with this. */
struct sched {
	const struct sched_ops *ops;
	struct sched_env env;
};

extern const struct sched_ops sched_none, sched_mq_deadline, sched_kyber, sched_bfq;
extern const struct sched_ops sched_noop, sched_deadline, sched_cfq;

/* The table of schedulers, ended by NULL. */
extern const struct sched_ops *const sched_table[];

/* Finds a scheduler by NAME, or NULL. */
const struct sched_ops *sched_find(const char *name);

/* The index of the tunable NAME in OPS, or -1. */
int sched_find_tunable(const struct sched_ops *ops, const char *name);

/* Reads the value of tunable T of OPS from TEXT. As sysfs does for the kernel's schedulers, what is
 * out of range becomes the nearest that is not: *CLAMPED. 0, or -EINVAL without words: TEXT is no
 * whole number, or is below 0 where OPS knows none. */
int sched_read_value(const struct sched_ops *ops, const struct sched_tunable *t, const char *text,
		     int64_t *value, bool *clamped);

/* merge.c: INTO grows by GONE, at the side that HOW says. */
void sched_grow(struct sched_rq *into, const struct sched_rq *gone, enum sched_merge how);

#endif
