/* SPDX-License-Identifier: Apache-2.0 */
/*
 * queue.h - struct weir_queue: what the lanes of a queue share.
 *
 * Most of it is set at open and never changes. The rest are atomics, or belong to the queue's lock.
 */
#ifndef LANE_QUEUE_H
#define LANE_QUEUE_H

#include "base/clock.h"
#include "queue/lane/state.h"

/* A thread that owns LANE and waits for an io that is called back on another lane. It lives on that
 * thread's stack. */
struct lane_waiter {
	struct lane *lane;
	LIST_ENTRY(lane_waiter) link;
};

/* Whether one instance of a scheduler that could have one a lane serves all lanes. */
enum queue_sharing {
	SHARING_NEVER,
	SHARING_ALWAYS,
	SHARING_UNLIKE, /* while submitters are unlike: they have weights or groups */
};

struct weir_queue {
	struct weir_device *dev;
	const struct weir_device_info *info;
	const struct engine_ops *engine_ops;
	const struct sched_ops *sched_ops; /* atomic */
	struct weir_queue_opts opts;	   /* every default filled in */
	struct engine_tuning tuning;	   /* the engine's own options */
	uint32_t max_segments;
	uint32_t max_discard_ranges;
	bool cached;	      /* the device has a volatile cache, so flushes are needed */
	bool passes_fua;      /* it has, and the engine can pass FUA on to it */
	bool steady;	      /* as sched_env.steady */
	uint32_t memory_mask; /* address bits that must be 0 */
	uint32_t block_mask;
	struct lane *lanes;
	uint32_t nr_lanes; /* opts.lanes, and perhaps one as a home where others are attached */
	struct lane *home; /* that schedules for all lanes; NULL: each for itself (atomic) */
	struct ctx *ctxs;
	uint32_t nr_ctxs;
	uint16_t *placements; /* the drive's ids, ascending */
	uint32_t nr_placements;
	struct observe *observe;  /* other processes ask there (observe.c); NULL: none */
	struct weir_trace *trace; /* that knows of the queue; NULL: none */
	uint32_t trace_number;	  /* of the queue in it */
	char engine_why[256];
	uint32_t process;	      /* that opened it */
	struct weir_queue *next_kept; /* child.c's list */

	/* Atomics. */
	uint32_t depth;
	uint32_t nr_requests; /* that may be used of a lane's pool */
	uint32_t merging;     /* enum sched_merging */
	uint64_t depth_bytes, max_io_bytes;
	uint32_t generation;	/* counts changes of what may change (control.c) */
	uint32_t draining;	/* for a switch of the scheduler */
	uint32_t cancels;	/* counts calls of weir_io_cancel() */
	uint32_t stop;		/* the workers are to drain and end */
	uint32_t drain_waiters; /* threads in weir_queue_wait() that own no lane */
	uint32_t nr_waiters;	/* as many as stand in `waiters` */

	pthread_mutex_t lock;
	LIST_HEAD(, lane_waiter) waiters; /* under the lock */
	pthread_cond_t changed;		  /* a lane ended ios while drain_waiters was not 0 */
	struct registry *registry; /* under the lock (registered.h); NULL: nothing ever was */
	uint32_t register_serial;  /* atomic: counts its changes, which are under the lock */

	/* control.c's and switch.c's, under the lock. */
	const struct sched_ops *next_ops; /* while draining ... */
	struct lane *next_home;		  /* ... as home will be */
	bool next_keeps;		  /* ... only the home changes, and what was set stays */
	uint32_t sharing;		  /* enum queue_sharing */
	struct {
		int64_t value;	 /* when it was last looked at */
		int64_t set;	 /* by the user ... */
		uint32_t set_at; /* ... in this generation; 0: never */
	} tunable[SCHED_TUNABLES_MAX];
	struct settings *settings; /* settings.c; the pointer is an atomic */
	/* learned.c, under the lock: what the scheduler given_ops of each lane is to take over, as
	 * of a generation, and when it was learned; NULL: nothing. */
	struct learned *given;
	const struct sched_ops *given_ops;
	uint64_t given_saved_ns;
	uint32_t given_at;
	pthread_mutex_t switch_lock; /* held over a whole switch_scheduler(), before the lock */
};

/* Every public function asks this first: 0, or -ECHILD with words where Q was inherited over
 * fork(). Any thread. */
static inline int queue_check_process(const struct weir_queue *q)
{
	return __builtin_expect(fork_inherited(q->process), 0) ? fork_refuse("queue") : 0;
}

/* Returns the time of Q's engine, ns: a simulated drive has its own. Any thread. */
static inline uint64_t queue_now(const struct weir_queue *q)
{
	return q->engine_ops->now ? q->engine_ops->now(q->engine_ops) : clock_now();
}

/* Returns the lane that schedules for all lanes of Q, or NULL. Any thread. */
static inline struct lane *queue_home(const struct weir_queue *q)
{
	return __atomic_load_n(&q->home, __ATOMIC_SEQ_CST);
}

/* Returns the kind of lane that IO is for. */
static inline enum lane_kind queue_lane_kind(const struct weir_io *io)
{
	return io->op == WEIR_OP_READ ? LANE_READ : LANE_DEFAULT;
}

#endif
