/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cfq.h - declarations that the files of cfq share: its queues, its trees and its instance. cfq.c
 * has the overview.
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

/*
 * The types of queues. SYNC: idling is useful for these; SYNC_NOIDLE: it is not, because they seek
 * or pause for long.
 */
enum cfq_type { CFQ_ASYNC, CFQ_SYNC_NOIDLE, CFQ_SYNC, CFQ_NR_TYPES };

struct cfq_tree;

/*
 * The requests that get a slice together: those of one submitter at one priority, or shared ones.
 */
struct cfq_queue {
	struct sorted requests;
	struct sched_rq *next; /* the request to dispatch next; NULL only if the queue is empty */
	uint32_t waiting, with_drive;

	uint32_t submitter;
	enum cfq_class class;
	uint8_t level;
	bool sync, shared;
	bool unused; /* on cfq->unused: it holds no request and has no slice */
	/* its submitter has left: forget the submitter as soon as the queue is unused */
	bool gone;
	LIST_ENTRY(cfq_queue) hash;
	TAILQ_ENTRY(cfq_queue) unused_link;

	struct cfq_tree *tree; /* NULL: the queue is not busy */
	RB_ENTRY(cfq_queue) node;
	int64_t key;
	uint64_t seq; /* orders queues with equal keys */

	/* The current slice, or the last one. */
	bool slice_begun; /* a request has completed in this slice, so its time runs */
	bool fifo_checked;
	/*
	 * the drive was idle for this queue, and the awaited request has arrived and not left yet
	 */
	bool must_dispatch;
	uint64_t slice_end;
	uint32_t slice_dispatched;
	int64_t residue; /* ns of the last slice that it did not use; negative: it took too long */

	/* The behaviour of its submitter. */
	uint32_t seek_history; /* one bit for each request; 1: far from the request before it */
	bool has_end, has_completed;
	uint64_t last_end; /* the sector behind the last request */
	uint64_t last_completed;
	uint64_t think_samples, think_total, think_mean; /* the first two are scaled by 256 */
	bool deep;
	bool idle_window; /* by its behaviour, idling for this queue is useful */
};

RB_HEAD(cfq_order, cfq_queue);
LIST_HEAD(cfq_bucket, cfq_queue);
TAILQ_HEAD(cfq_unused, cfq_queue);

struct cfq_tree {
	struct cfq_order order;
	uint32_t count;
};

struct cfq {
	/* The instance. s.env.merge is cfq's own function, which calls the owner's: */
	struct sched s;
	bool (*owner_merge)(void *owner, struct sched_rq *into, struct sched_rq *gone,
			    enum sched_merge how);
	void *merge_owner;

	struct merge merge;
	uint64_t waiting;	/* number of waiting requests */
	uint32_t with_drive[2]; /* number of requests with the drive, by sync */
	uint64_t last_position; /* the sector behind the last dispatched request */
	uint64_t now;

	/* indexed by sync, class and level */
	struct cfq_queue *shared_queue[2][CFQ_NR_CLASSES][CFQ_LEVELS];
	struct cfq_queue *pool, *shared;
	struct cfq_bucket *bucket;
	uint32_t nr_buckets;
	struct cfq_unused unused; /* least recently used first */

	struct cfq_tree tree[CFQ_NR_CLASSES][CFQ_NR_TYPES];
	uint64_t last_seq;
	uint32_t busy[CFQ_NR_CLASSES];
	uint32_t average[CFQ_NR_CLASSES]; /* moving average of busy, in 16ths */

	struct cfq_queue *active; /* the queue that has the current slice */
	/*
	 * the active queue is empty, and the drive stays idle for it until then; SCHED_NEVER: no
	 * idling
	 */
	uint64_t idle_until;
	enum cfq_class class;
	enum cfq_type type;
	uint64_t workload_end; /* until then, queues of this class and type get the slices */

	uint64_t last_delayed_sync; /* time when a synchronous request last took too long */
	bool has_delayed_sync;

	/* True if the drive works on several requests at once. */
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
/*
 * Returns the queue of RQ. MAKE says that RQ is about to be inserted, so the queue may have to be
 * made.
 */
struct cfq_queue *cfq_pool_find(struct cfq *cfq, const struct sched_rq *rq, bool make);
/* Puts Q on the unused list if it is empty and has no slice; another submitter can then get it. */
void cfq_pool_put(struct cfq *cfq, struct cfq_queue *q);
void cfq_pool_submitter_gone(struct cfq *cfq, uint32_t submitter);

/* tree.c: the queues that wait for a slice, and the one that has it. */
enum cfq_type cfq_tree_type(const struct cfq_queue *q);
/* Adds Q to the queues that wait for a slice; with FRONT it gets the next one. */
void cfq_tree_add(struct cfq *cfq, struct cfq_queue *q, bool front);
void cfq_tree_remove(struct cfq *cfq, struct cfq_queue *q);
uint32_t cfq_tree_busy(const struct cfq *cfq);
/* Moves waiting queues forward: none waits longer than if it were added now. */
void cfq_tree_retime(struct cfq *cfq);
/*
 * Returns the queue for the next slice, or NULL. It changes to another class or type if the time
 * of the current one is over.
 */
struct cfq_queue *cfq_tree_next(struct cfq *cfq);

/* slice_length.c: the length of slices. */
uint64_t cfq_slice_of_level(const struct cfq *cfq, bool sync, uint8_t level);
uint64_t cfq_slice_scaled(const struct cfq *cfq, const struct cfq_queue *q);
uint64_t cfq_slice_of_workload(const struct cfq *cfq, enum cfq_class class, enum cfq_type type);
void cfq_slice_average(struct cfq *cfq);
void cfq_slice_start_time(struct cfq *cfq, struct cfq_queue *q);
bool cfq_slice_used(const struct cfq *cfq, const struct cfq_queue *q);

/* slice.c: the current slice. */
/*
 * Ends the slice. KEEP says that unused time, or time taken too much, counts in the next slice of
 * the queue.
 */
void cfq_slice_finish(struct cfq *cfq, bool keep);
/*
 * Returns true if Q, which has the current slice, must give it up. A queue for which idling is
 * useful gets another slice instead, if only queues of class IDLE wait.
 */
bool cfq_slice_over(struct cfq *cfq, struct cfq_queue *q);
/* Ends the slice if the drive was idle for its queue long enough. */
void cfq_slice_stop_idling(struct cfq *cfq);
/*
 * Returns the queue that has the slice and has requests. Returns NULL if no queue has requests, or
 * if the drive stays idle for the active one.
 */
struct cfq_queue *cfq_slice_queue(struct cfq *cfq);
/* Returns true if Q, which has the slice, may send one more request to the drive. */
bool cfq_slice_allows(const struct cfq *cfq, const struct cfq_queue *q);
/* Counts one more request of Q as dispatched. May end the slice. */
void cfq_slice_dispatched(struct cfq *cfq, struct cfq_queue *q);

/* idle.c: the behaviour of submitters, and for which queues the drive stays idle. */
/* Updates the behaviour of Q with RQ, which is about to be added to it. */
void cfq_idle_arrival(struct cfq *cfq, struct cfq_queue *q, const struct sched_rq *rq);
bool cfq_idle_worth(const struct cfq *cfq, const struct cfq_queue *q);
/* Returns how long the drive stays idle for Q, which is empty; 0: not at all. */
uint64_t cfq_idle_time(const struct cfq *cfq, const struct cfq_queue *q);
/* Starts idling if it is useful. A completion has just left the active queue Q without requests. */
void cfq_idle_begin(struct cfq *cfq, struct cfq_queue *q);
/*
 * Records how many requests the drive has at once. Called at a completion, before that request is
 * subtracted.
 */
void cfq_idle_sample(struct cfq *cfq);

/* preempt.c: returns true if RQ, which arrived in Q, takes the slice away from the active queue. */
bool cfq_preempts(const struct cfq *cfq, const struct cfq_queue *q, const struct sched_rq *rq);
void cfq_preempt(struct cfq *cfq, struct cfq_queue *q);

/* retime.c: adapts points in time after tunables were changed. */
void cfq_retime(struct cfq *cfq);

/* pick.c: chooses a request of a queue. */
/* Returns the one of A and B (one may be NULL) that is nearer to a head at sector FROM. */
struct sched_rq *cfq_pick_nearer(const struct cfq *cfq, struct sched_rq *a, struct sched_rq *b,
				 uint64_t from);
/* Returns the best request to follow RQ, which is still in Q. */
struct sched_rq *cfq_pick_after(const struct cfq *cfq, struct cfq_queue *q, struct sched_rq *rq);
/* Returns the next request of Q, which is not empty. */
struct sched_rq *cfq_pick(struct cfq *cfq, struct cfq_queue *q);

#endif
