/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bfq.h - the state of bfq: its queues, groups, tunables and counters.
 *
 * The idea: every submitter has a queue of its own, and the drive serves one queue at a time. A
 * queue's service is as long as its budget in sectors. The next queue is chosen by weight: a queue
 * with twice the weight gets twice the sectors, whatever the others do. Between two requests of
 * the queue in service the drive may be kept free on purpose ("idling"), since the next one is
 * often just about to come, close by. docs/schedulers.md has a picture, under "bfq".
 *
 * Files, from the top down; each calls only files below it, and its header has its own name:
 *
 *   bfq.c         the operations and tunables
 *   submitter.c   a submitter leaves or gets another weight      retime.c  a tunable changes
 *   select.c      the next request to dispatch                   arrive.c  a request comes
 *   expire.c      a service ends, or a wait for the next request
 *   raise.c       more weight for queues that have just begun
 *   queue.c       which queue a request belongs to, and the pools of queues and groups
 *   inject.c      requests of other queues while the drive is kept free
 *   idle.c        when the drive is kept free
 *   budget.c      how large a budget may be, and what is left of it
 *   rate.c        how fast the drive is
 *   habit.c       how a queue behaves: seeks, think time, idle time
 *   busy.c        counts of busy queues, and what follows from them
 *   path.c        trees of weights with groups      order.c  the requests of one queue
 *   wf2q.c        one tree of weights
 *
 * One instance is entered by the home lane's owner only.
 */
#ifndef BFQ_H
#define BFQ_H

#include "sched/bfq/wf2q.h"
#include "sched/merge.h"
#include "sched/sched.h"

#define BFQ_SMALL_SECTORS 64u /* on flash, smaller requests that are far apart count as seeks */
#define BFQ_LEVELS 8u
#define BFQ_SLOTS 17u	    /* eight levels of RT and of BE, and IDLE */
#define BFQ_LEVEL_WEIGHT 25 /* weight of a level; level 4 has the weight 100 */
#define BFQ_DEFAULT_WEIGHT 100
#define BFQ_RAISED 30u /* a raised queue's weight is multiplied by this */
#define BFQ_BUCKETS 2048u

enum bfq_class { BFQ_RT, BFQ_BE, BFQ_IDLE, BFQ_CLASSES };

/* Why a service ended. */
enum bfq_reason {
	BFQ_TOO_IDLE,  /* the drive was idle for it, and no request came */
	BFQ_TIMEOUT,   /* its time is over */
	BFQ_EXHAUSTED, /* the next request is larger than the rest of its budget */
	BFQ_NO_MORE,   /* it has no request, and idling is not useful */
	BFQ_PREEMPTED, /* a more urgent queue became busy */
	BFQ_NEVER_SERVED,
};

/*
 * The root, for all submitters without a weight of their own, or one submitter that has a weight.
 */
struct bfq_group {
	struct bfq_entity entity; /* in the root's BE tree; not used in the root itself */
	struct bfq_tree tree[BFQ_CLASSES];
	uint64_t idle_ns; /* when the IDLE tree was last considered */
	uint32_t submitter;
	uint32_t queues, busy; /* number of its queues, and of its busy queues */
	bool gone;
	LIST_ENTRY(bfq_group) hash;
};

RB_HEAD(bfq_sorted, sched_rq);

struct bfq_queue {
	struct bfq_entity entity;
	struct bfq_sorted sorted;
	struct sched_list fifo;
	struct sched_rq *next; /* the request that goes next; NULL: no request waits */
	uint32_t waiting, in_drive;
	uint32_t tags; /* requests from insert() to finish() */
	uint32_t submitter;
	uint8_t slot;	      /* class and level */
	uint8_t level_index;  /* index of its level's weight among all weights, lightest first */
	uint8_t weight_index; /* index at which it is counted while it is busy */
	bool sync, busy, pooled, quiet, gone, fresh, fifo_checked, expired_empty, io_bound;
	uint8_t reason; /* enum bfq_reason: why its last service ended */

	uint64_t max_budget; /* budget of its next service */
	int64_t budget_left; /* rest of the budget when its last service ended */
	uint64_t service_start_ns, timeout_ns;
	uint64_t last_done_ns; /* time of the last completion; 0: none yet */
	uint64_t idle_since_ns;

	/* Written by habit.c, as are last_done_ns and io_bound. */
	uint32_t seeks; /* one bit for each of the last requests */
	uint64_t last_end;
	uint64_t think_samples, think_total, think_mean;
	uint64_t window_start_ns, window_idle_ns;

	/* Written by raise.c. */
	uint32_t raise; /* 1, or BFQ_RAISED */
	uint64_t raise_start_ns, raise_ns, raise_service;

	/* Written by inject.c. */
	uint32_t inject_limit;
	uint64_t inject_base_ns, inject_update_ns, inject_reset_ns;
	/* not 0: start of the time that is being measured for a request */
	uint64_t inject_start_ns;
	bool inject_foreign; /* requests of others were in the drive during that time */

	LIST_ENTRY(bfq_queue) hash;
	TAILQ_ENTRY(bfq_queue) quiet_link;
};

enum bfq_tunable {
	FIFO_EXPIRE_SYNC,
	FIFO_EXPIRE_ASYNC,
	BACK_SEEK_MAX,
	BACK_SEEK_PENALTY,
	SLICE_IDLE,
	SLICE_IDLE_US,
	MAX_BUDGET,
	TIMEOUT_SYNC,
	STRICT_GUARANTEES,
	LOW_LATENCY,
	PEAK_RATE,
	BUDGET_NOW,
	CATCH_ALL,
	NR_TUNABLES,
};

/* The measured rate of the drive, in sectors a microsecond << 16. Written by rate.c. */
struct bfq_rate {
	uint64_t peak;
	/* first and last dispatch of the sample; the last completion */
	uint64_t first_ns, last_ns, done_ns;
	uint64_t sectors;
	uint32_t samples, sequential, largest;
	/* On a disk: the queue of the last completion, and what queues that do not seek completed
	 * right after a request of their own, in which time; and whether that has raised the peak.
	 */
	const struct bfq_queue *run_queue;
	uint64_t run_sectors, run_ns;
	bool from_run;
};

struct bfq {
	struct sched s;
	uint64_t now;
	struct bfq_group root;
	struct bfq_queue *in_service;
	uint64_t idle_until; /* SCHED_NEVER: not idling */
	uint64_t waiting, last_seq;
	uint32_t in_drive;
	uint64_t last_end; /* the sector behind the last dispatched request */
	/*
	 * Counts of busy queues: all, by class, raised ones, groups with one; and by weight,
	 * lightest first. Written by busy.c.
	 */
	uint32_t busy, busy_class[BFQ_CLASSES], busy_raised, busy_groups;
	uint32_t by_weight[2 * BFQ_LEVELS], weights_used;
	/* Whether the drive works on several requests at once. Written by habit.c. */
	uint32_t max_in_drive, tag_samples;
	bool queueing;
	uint32_t budgets_assigned;
	struct bfq_rate rate;
	struct merge merge[2]; /* for async and sync: these are never merged with each other */
	int64_t value[NR_TUNABLES];

	/* The queues of submitters. Written by queue.c. */
	struct bfq_queue *last_found;
	struct bfq_queue common, async[BFQ_SLOTS];
	struct bfq_queue *pool;
	struct bfq_group *group_pool;
	uint32_t pool_used, group_pool_used, pool_size, nr_groups;
	bool forgot_groups; /* a submitter with a weight left: it may come back */
	LIST_HEAD(, bfq_queue) unused;
	LIST_HEAD(, bfq_group) unused_groups;
	TAILQ_HEAD(, bfq_queue) quiet; /* queues without a request, least recently used first */
	LIST_HEAD(bfq_bucket, bfq_queue) bucket[BFQ_BUCKETS];
	LIST_HEAD(bfq_group_bucket, bfq_group) group_bucket[BFQ_BUCKETS];
};

static inline struct bfq_queue *bfq_of(const struct sched_rq *rq)
{
	return rq->priv[0];
}

static inline uint64_t bfq_end(const struct sched_rq *rq)
{
	return rq->sector + rq->nr_sectors;
}

#endif
