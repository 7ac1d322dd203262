/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cfq.h - what the files of cfq share: its queues, its trees and itself. cfq.c says what it is
 * about.
 *
 * Owned by the instance; entered by the home lane's owner only.
 */
#ifndef CFQ_H
#define CFQ_H

#include "base/nsec.h"
#include "sched/merge.h"
#include "sched/sched.h"
#include "sched/sorted.h"

#define CFQ_LEVELS 8
#define CFQ_CLOSE_SECTORS 8192u

enum cfq_tunable {
	CFQ_QUANTUM,
	CFQ_FIFO_EXPIRE_SYNC,
	CFQ_FIFO_EXPIRE_ASYNC,
	CFQ_BACK_SEEK_MAX,
	CFQ_BACK_SEEK_PENALTY,
	CFQ_SLICE_SYNC,
	CFQ_SLICE_ASYNC,
	CFQ_SLICE_ASYNC_RQ,
	CFQ_SLICE_IDLE,
	CFQ_GROUP_IDLE,
	CFQ_LOW_LATENCY,
	CFQ_TARGET_LATENCY,
	CFQ_SHARED_INSERTS,
	CFQ_NR_TUNABLES,
};

enum cfq_class { CFQ_RT, CFQ_BE, CFQ_IDLE, CFQ_NR_CLASSES };

/* SYNC: idling pays for these; SYNC_NOIDLE: it does not (seeks, or long pauses). */
enum cfq_type { CFQ_ASYNC, CFQ_SYNC_NOIDLE, CFQ_SYNC, CFQ_NR_TYPES };

struct cfq_tree;

/* Requests that take turns as one: of a submitter at one priority, or shared ones. */
struct cfq_queue {
	struct sorted requests;
	struct sched_rq *next; /* NULL only if empty */
	uint32_t waiting, with_drive;

	uint32_t submitter;
	enum cfq_class class;
	uint8_t level;
	bool sync, shared;
	bool unused; /* on cfq->unused: holds nothing, and is nobody's turn */
	bool gone;   /* its submitter has left: to be forgotten when unused */
	LIST_ENTRY(cfq_queue) hash;
	TAILQ_ENTRY(cfq_queue) unused_link;

	struct cfq_tree *tree; /* NULL: not busy */
	RB_ENTRY(cfq_queue) node;
	int64_t key;
	uint64_t seq; /* orders equal keys */

	/* Its turn, or the last one it had. */
	bool slice_begun; /* something has completed in it */
	bool fifo_checked;
	bool must_dispatch; /* what it was waited for has come, and is still here */
	uint64_t slice_end;
	uint32_t slice_dispatched;
	int64_t residue; /* ns that it did not get last time, or overran by */

	/* Its habits. */
	uint32_t seek_history; /* a bit a request, set: far from the last one */
	bool has_end, has_completed;
	uint64_t last_end; /* sector */
	uint64_t last_completed;
	uint64_t think_samples, think_total, think_mean; /* the first two times 256 */
	bool deep;
	bool idle_window; /* by its habits, worth waiting for */
};

RB_HEAD(cfq_order, cfq_queue);
LIST_HEAD(cfq_bucket, cfq_queue);
TAILQ_HEAD(cfq_unused, cfq_queue);

struct cfq_tree {
	struct cfq_order order;
	uint32_t count;
};

struct cfq {
	struct sched s; /* s.env.join is cfq's own, in front of this one: */
	bool (*join)(void *owner, struct sched_rq *into, struct sched_rq *gone,
		     enum sched_merge how);
	void *join_owner;

	struct merge merge;
	uint64_t waiting;	/* requests, those in head too */
	uint32_t with_drive[2]; /* by sync */
	uint64_t last_position; /* where the last request that left ends */
	uint64_t now;

	struct cfq_queue *shared_queue[2][CFQ_NR_CLASSES][CFQ_LEVELS]; /* by sync */
	struct cfq_queue *pool, *shared;
	struct cfq_bucket *bucket;
	uint32_t nr_buckets;
	struct cfq_unused unused; /* the longest unused first */

	struct cfq_tree tree[CFQ_NR_CLASSES][CFQ_NR_TYPES];
	uint64_t last_seq;
	uint32_t busy[CFQ_NR_CLASSES];
	uint32_t average[CFQ_NR_CLASSES]; /* of busy, in 16ths */

	struct cfq_queue *active; /* whose turn it is */
	uint64_t idle_until;	  /* it is empty, and waited for; SCHED_NEVER: it is not */
	enum cfq_class class;
	enum cfq_type type;
	uint64_t workload_end; /* until then queues of this class and type */

	uint64_t last_delayed_sync; /* a synchronous one was late */
	bool has_delayed_sync;

	/* Does the drive take several at once? */
	bool hw_tag;
	uint32_t hw_samples, hw_max;

	int64_t value[CFQ_NR_TUNABLES];
};

static inline uint64_t cfq_ms(const struct cfq *cfq, enum cfq_tunable tunable)
{
	return (uint64_t)cfq->value[tunable] * NSEC_PER_MSEC;
}

/* pool.c */
int cfq_pool_init(struct cfq *cfq);
void cfq_pool_exit(struct cfq *cfq);
/* The queue where RQ belongs; MAKE: it is about to get it, and may have to be made. */
struct cfq_queue *cfq_pool_find(struct cfq *cfq, const struct sched_rq *rq, bool make);
/* Q may have become empty, and nobody's turn: then it can be another's. */
void cfq_pool_put(struct cfq *cfq, struct cfq_queue *q);
void cfq_pool_submitter_gone(struct cfq *cfq, uint32_t submitter);

/* tree.c: queues that wait for their turn, and the one that has it. */
enum cfq_type cfq_tree_type(const struct cfq_queue *q);
/* Q waits for a turn from now on; FRONT: for the next one. */
void cfq_tree_add(struct cfq *cfq, struct cfq_queue *q, bool front);
void cfq_tree_remove(struct cfq *cfq, struct cfq_queue *q);
uint32_t cfq_tree_busy(const struct cfq *cfq);
/* Whoever waits does so no longer than he would if he came now. */
void cfq_tree_retime(struct cfq *cfq);
/* The next queue to have a turn, or NULL. Begins another workload when it is time for it. */
struct cfq_queue *cfq_tree_next(struct cfq *cfq);

/* slice.c: how long turns are. */
uint64_t cfq_slice_of_level(const struct cfq *cfq, bool sync, uint8_t level);
uint64_t cfq_slice_scaled(const struct cfq *cfq, const struct cfq_queue *q);
uint64_t cfq_slice_of_workload(const struct cfq *cfq, enum cfq_class class, enum cfq_type type);
void cfq_slice_average(struct cfq *cfq);
void cfq_slice_begin(struct cfq *cfq, struct cfq_queue *q);
bool cfq_slice_used(const struct cfq *cfq, const struct cfq_queue *q);

/* turn.c: whose turn it is. */
/* Ends the turn; KEEP: what is left of the slice, or what it was overrun by, counts next time. */
void cfq_turn_end(struct cfq *cfq, bool keep);
/* Q, whose turn it is, has used its slice. Who is worth waiting for gets another one where nobody
 * but class IDLE would have the next turn. */
bool cfq_turn_over(struct cfq *cfq, struct cfq_queue *q);
/* Ends the turn if it has been waited for long enough. */
void cfq_turn_due(struct cfq *cfq);
/* The queue whose turn it is, and which has requests; or NULL: nobody's, or it is waited for. */
struct cfq_queue *cfq_turn(struct cfq *cfq);
/* Q, whose turn it is, may have one more request with the drive. */
bool cfq_turn_allows(const struct cfq *cfq, const struct cfq_queue *q);
/* One more is. May end the turn. */
void cfq_turn_dispatched(struct cfq *cfq, struct cfq_queue *q);

/* idle.c: habits, and what is worth waiting for. */
/* RQ is about to be added to Q. */
void cfq_idle_arrival(struct cfq *cfq, struct cfq_queue *q, const struct sched_rq *rq);
bool cfq_idle_worth(const struct cfq *cfq, const struct cfq_queue *q);
/* How long the drive is left idle for Q, which has nothing left; 0: not at all. */
uint64_t cfq_idle_time(const struct cfq *cfq, const struct cfq_queue *q);
/* The active queue has run empty with a completion: begins to wait, if that is worth it. */
void cfq_idle_begin(struct cfq *cfq, struct cfq_queue *q);
/* Something ended: looks how much the drive takes at once. Before it is counted off. */
void cfq_idle_sample(struct cfq *cfq);

/* preempt.c: RQ, which came to Q, takes the turn from the active queue. */
bool cfq_preempts(const struct cfq *cfq, const struct cfq_queue *q, const struct sched_rq *rq);
void cfq_preempt(struct cfq *cfq, struct cfq_queue *q);

/* retime.c: tunables have other values. */
void cfq_retime(struct cfq *cfq);

/* pick.c: which request of a queue. */
/* The one of A and B (one may be NULL) that is nearer to a head at FROM. */
struct sched_rq *cfq_pick_nearer(const struct cfq *cfq, struct sched_rq *a, struct sched_rq *b,
				 uint64_t from);
/* What comes best after RQ, which is in Q still. */
struct sched_rq *cfq_pick_after(const struct cfq *cfq, struct cfq_queue *q, struct sched_rq *rq);
/* The next request of Q, which is not empty. */
struct sched_rq *cfq_pick(struct cfq *cfq, struct cfq_queue *q);

#endif
