/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bfq.h - what the files of bfq share: the tree of weights, queues and groups, and the state.
 *
 * The idea: every submitter has a queue of its own, and the drive serves one queue at a time, for
 * a turn. A turn is as long as its budget in sectors. Who is next is decided by weight: a queue
 * with twice the weight gets twice the sectors, whatever the others do. Between two requests of
 * the queue in service the drive may be kept free on purpose ("idling"), since the next one is
 * often just about to come, close by. docs/schedulers.md has a picture, under "bfq".
 *
 * Who reads which file: wf2q.c the tree of weights; path.c the same with groups; order.c the
 * requests of one queue; queue.c who has which queue; arrive.c a request comes; select.c one
 * goes; budget.c a turn ends; idle.c when to wait; inject.c others meanwhile; rate.c how fast the
 * drive is; raise.c help for who just began; retime.c a tunable changes; bfq.c the operations and
 * tunables.
 *
 * Owned by one instance; entered by the home lane's owner only.
 */
#ifndef BFQ_H
#define BFQ_H

#include "sched/merge.h"
#include "sched/sched.h"

#define BFQ_USEC 1000ull
#define BFQ_MSEC 1000000ull
#define BFQ_SEC 1000000000ull

#define BFQ_SERVICE_SHIFT 22
#define BFQ_DEFAULT_BUDGET 16384u /* sectors, until the drive's rate is known */
#define BFQ_MIN_BUDGETS 32u	  /* the smallest budget is this part of the largest */
#define BFQ_SMALL_SECTORS 64u	  /* smaller requests far apart are seeks even for flash */
#define BFQ_LEVELS 8u
#define BFQ_SLOTS 17u	    /* eight levels of RT and of BE, and IDLE */
#define BFQ_LEVEL_WEIGHT 25 /* a level: so that level 4 counts as the weight 100 */
#define BFQ_DEFAULT_WEIGHT 100
#define BFQ_RAISED 30u /* a raised queue's weight is multiplied by this */
#define BFQ_BUCKETS 2048u

enum bfq_class { BFQ_RT, BFQ_BE, BFQ_IDLE, BFQ_CLASSES };

/* Where an entity is: forgotten, waiting for service, remembered for a while, or in service. */
enum bfq_place { BFQ_NOWHERE, BFQ_ACTIVE, BFQ_RESTING, BFQ_SERVED };

/* Why a turn ended. */
enum bfq_reason {
	BFQ_TOO_IDLE,  /* idled in vain */
	BFQ_TIMEOUT,   /* took too long */
	BFQ_EXHAUSTED, /* the next request is more than is left of the budget */
	BFQ_NO_MORE,   /* nothing left, and not worth idling */
	BFQ_PREEMPTED, /* somebody more urgent came */
	BFQ_NEVER_SERVED,
};

struct bfq_group;

/* What has a weight and a place in a tree: a queue or a group. All times are virtual. */
struct bfq_entity {
	RB_ENTRY(bfq_entity) node;    /* active, in the tree */
	TAILQ_ENTRY(bfq_entity) link; /* active, in the row; or resting */
	uint64_t start, finish;
	uint64_t min_start;	  /* the smallest start in the subtree */
	uint64_t seq;		  /* orders equal finishes */
	uint64_t budget, service; /* sectors of this turn: allowed and used */
	uint32_t weight;	  /* as counted in the tree */
	uint32_t new_weight;	  /* from the next activation or requeueing on */
	uint8_t class;		  /* enum bfq_class */
	uint8_t place;		  /* enum bfq_place */
	bool in_row;		  /* active: in the row, not in the tree */
	bool is_group;
	struct bfq_group *parent;
};

RB_HEAD(bfq_entities, bfq_entity);

/* One class of a group. */
struct bfq_tree {
	struct bfq_entities active; /* those that are not in the row */
	struct bfq_entity *first;   /* of these, the one that finishes first */
	/* Active too, in the order in which they start and finish. */
	TAILQ_HEAD(bfq_row, bfq_entity) row;
	TAILQ_HEAD(, bfq_entity) resting;
	uint64_t vtime, last_seq;
	uint64_t last_finish; /* of all that ever rested */
	uint64_t weights;     /* of all that are not nowhere */
	uint32_t served;      /* entities in service: 0 or 1 */
};

/* All submitters without a weight of their own (the root), or one that has. */
struct bfq_group {
	struct bfq_entity entity; /* in the root's BE tree; the root's is not used */
	struct bfq_tree tree[BFQ_CLASSES];
	uint64_t idle_ns; /* when the IDLE tree was last considered */
	uint32_t submitter;
	uint32_t queues, busy; /* queues in it, and those of them that are busy */
	bool gone;
	LIST_ENTRY(bfq_group) hash;
};

RB_HEAD(bfq_sorted, sched_rq);

struct bfq_queue {
	struct bfq_entity entity;
	struct bfq_sorted sorted;
	struct sched_list fifo;
	struct sched_rq *next; /* goes next; NULL: none waits */
	uint32_t waiting, in_drive;
	uint32_t tags; /* requests from insert() to finish() */
	uint32_t submitter;
	uint8_t slot;	      /* class and level */
	uint8_t level_index;  /* of its level among the weights, lightest first */
	uint8_t weight_index; /* where it is counted while busy */
	bool sync, busy, pooled, quiet, gone, fresh, fifo_checked, expired_empty, io_bound;
	uint8_t reason; /* enum bfq_reason: why its last turn ended */

	uint64_t max_budget; /* of its next turn */
	int64_t budget_left; /* when its last turn ended */
	uint64_t turn_start_ns, timeout_ns;
	uint64_t last_done_ns; /* last completion; 0: none yet */
	uint64_t idle_since_ns;

	uint32_t seeks; /* one bit for each of the last requests */
	uint64_t last_end;
	uint64_t think_samples, think_total, think_mean;
	uint64_t window_start_ns, window_idle_ns;

	uint32_t raise; /* 1, or BFQ_RAISED */
	uint64_t raise_start_ns, raise_ns, raise_service;

	uint32_t inject_limit;
	uint64_t inject_base_ns, inject_update_ns, inject_reset_ns;
	uint64_t inject_start_ns; /* not 0: a request's time is being taken */
	bool inject_foreign;	  /* with others in the drive */

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

/* What is known of the drive's rate; sectors a microsecond << 16. */
struct bfq_rate {
	uint64_t peak;
	uint64_t first_ns, last_ns, done_ns; /* dispatches; the last completion */
	uint64_t sectors;
	uint32_t samples, sequential, largest;
};

#define BFQ_RATE_SHIFT 16

struct bfq {
	struct sched s;
	uint64_t now;
	struct bfq_group root;
	struct bfq_queue *in_service;
	uint64_t idle_until; /* SCHED_NEVER: not idling */
	uint64_t waiting, last_seq;
	uint32_t in_drive;
	uint64_t last_end; /* of what was dispatched last */
	/* Busy queues: in all, by class, raised, in groups; and by weight, lightest first. */
	uint32_t busy, busy_class[BFQ_CLASSES], busy_raised, busy_groups;
	uint32_t by_weight[2 * BFQ_LEVELS], weights_used;
	/* Does the drive take several at once? */
	uint32_t max_in_drive, tag_samples;
	bool queueing;
	uint32_t budgets_assigned;
	struct bfq_rate rate;
	struct merge merge[2]; /* async and sync: they never merge with each other */
	int64_t value[NR_TUNABLES];

	/* Who is who. */
	struct bfq_queue *last_found;
	struct bfq_queue common, async[BFQ_SLOTS];
	struct bfq_queue *pool;
	struct bfq_group *group_pool;
	uint32_t pool_used, group_pool_used, pool_size, nr_groups;
	LIST_HEAD(, bfq_queue) unused;
	LIST_HEAD(, bfq_group) unused_groups;
	TAILQ_HEAD(, bfq_queue) quiet; /* without a request, longest first */
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

/* Nobody in T is active. */
static inline bool wf2q_empty(const struct bfq_tree *t)
{
	return TAILQ_EMPTY(&t->row) && !t->first;
}

/* wf2q.c. DELTA: what SERVICE means in virtual time to WEIGHT. */
uint64_t wf2q_delta(uint64_t service, uint64_t weight);
void wf2q_init(struct bfq_tree *t);
/* E, nowhere or resting, with its budget and new_weight set, wants service. BACKSHIFT: its short
 * absence shall not cost it its place; a raised one (RAISE) still less. */
void wf2q_activate(struct bfq_tree *t, struct bfq_entity *e, bool backshift, uint32_t raise);
/* E, active, has another budget. */
void wf2q_rebudget(struct bfq_tree *t, struct bfq_entity *e);
/* The one to serve next, or NULL; JUMP: if nobody may be served yet, time leaps until one may. */
struct bfq_entity *wf2q_next(struct bfq_tree *t, bool jump);
/* E, active, goes into service. */
void wf2q_take(struct bfq_tree *t, struct bfq_entity *e);
/* E, in service, goes back and wants more: its budget is that of its next turn. */
void wf2q_requeue(struct bfq_tree *t, struct bfq_entity *e);
/* E, active or in service, wants nothing any more. */
void wf2q_deactivate(struct bfq_tree *t, struct bfq_entity *e);
/* E is nowhere from now on. */
void wf2q_forget(struct bfq_tree *t, struct bfq_entity *e);
/* E owes the others no more than a turn of MAX sectors, nor do they owe it more. */
void wf2q_forgive(struct bfq_tree *t, struct bfq_entity *e, uint64_t max);
/* SECTORS of somebody in T were served. */
void wf2q_serve(struct bfq_tree *t, uint64_t sectors);

/* path.c: the same for a queue and the group it is in. */
void path_init(struct bfq_group *g);
void path_activate(struct bfq *d, struct bfq_queue *q, bool backshift);
void path_rebudget(struct bfq *d, struct bfq_queue *q);
/* The budgets have become smaller, perhaps that of E, a queue's or group's: it owes the others no
 * more than a turn of MAX sectors, nor do they owe it more. */
void path_forgive(struct bfq *d, struct bfq_entity *e, uint64_t max);
void path_requeue(struct bfq *d, struct bfq_queue *q);
void path_deactivate(struct bfq *d, struct bfq_queue *q);
void path_serve(struct bfq *d, struct bfq_queue *q, uint64_t sectors);
/* The queue to serve next goes into service; NULL: none is busy. */
struct bfq_queue *path_take(struct bfq *d);
/* The queue that would be next, or NULL. */
struct bfq_queue *path_peek(struct bfq *d);
/* Q, active, would go before CUR, which is in service; Q is of a higher class or weight. */
bool path_before(const struct bfq *d, const struct bfq_queue *q, const struct bfq_queue *cur);
bool path_higher(const struct bfq *d, const struct bfq_queue *q, const struct bfq_queue *cur);

/* order.c: the requests of one queue. */
void order_init(struct bfq_queue *q);
void order_add(struct bfq *d, struct bfq_queue *q, struct sched_rq *rq);
/* RQ goes (DISPATCHED), or has become part of another one. */
void order_remove(struct bfq *d, struct bfq_queue *q, struct sched_rq *rq, bool dispatched);
/* RQ begins elsewhere now. */
void order_moved(struct bfq *d, struct bfq_queue *q, struct sched_rq *rq);
struct sched_rq *order_before(struct bfq_queue *q, struct sched_rq *rq);
struct sched_rq *order_after(struct bfq_queue *q, struct sched_rq *rq);
/* The first at or behind SECTOR. */
struct sched_rq *order_from(struct bfq_queue *q, uint64_t sector);
/* The better of two, which may be NULL, for a head that is at sector FROM. */
struct sched_rq *order_choose(const struct bfq *d, struct sched_rq *a, struct sched_rq *b,
			      uint64_t from);

/* queue.c */
int queue_init(struct bfq *d);
void queue_exit(struct bfq *d);
/* The queue of requests like this one; what exists already, or NULL. */
struct bfq_queue *queue_find(struct bfq *d, const struct sched_rq *like);
/* The same, made where there is none. */
struct bfq_queue *queue_get(struct bfq *d, const struct sched_rq *like);
/* Busy queue of the requests that Q's submitter does not wait for, or NULL. */
struct bfq_queue *queue_async_of(struct bfq *d, const struct bfq_queue *q);
/* Q gets a request, or has one less. */
void queue_hold(struct bfq *d, struct bfq_queue *q);
void queue_release(struct bfq *d, struct bfq_queue *q);
/* Q has become idle: it may be given to somebody else if it has no request. */
void queue_settle(struct bfq *d, struct bfq_queue *q);
void queue_gone(struct bfq *d, uint32_t submitter);
/* The weight of a submitter of requests like this one: its own, or that of the priority. */
uint32_t queue_weight(struct bfq *d, const struct sched_rq *like);
int queue_set_weight(struct bfq *d, uint32_t submitter, uint32_t weight);

/* arrive.c */
void arrive_insert(struct bfq *d, struct sched_rq *rq);
/* Q's next request has changed. */
void arrive_next_changed(struct bfq *d, struct bfq_queue *q);
/* Q, in service or not, is not busy any more; it has left its tree. */
void arrive_not_busy(struct bfq *d, struct bfq_queue *q);
/* Counts busy Q at its weight (again). */
void arrive_count_weight(struct bfq *d, struct bfq_queue *q);

/* select.c */
struct sched_rq *select_next(struct bfq *d);
/* What serving RQ of an asynchronous queue counts for, in sectors. */
uint64_t select_async_cost(const struct bfq *d, const struct sched_rq *rq);

/* Sectors that serving RQ of Q counts for. */
static inline uint64_t select_cost(const struct bfq *d, const struct bfq_queue *q,
				   const struct sched_rq *rq)
{
	return q->sync ? rq->nr_sectors : select_async_cost(d, rq);
}

/* What Q may still have in this turn. */
static inline int64_t select_left(const struct bfq_queue *q)
{
	return (int64_t)(q->entity.budget - q->entity.service);
}

/* budget.c */
uint64_t budget_max(const struct bfq *d);
uint64_t budget_min(const struct bfq *d);
/* When the turn of Q, in service, has taken its time, by the tunables as they are now. */
static inline uint64_t budget_timeout_at(const struct bfq *d, const struct bfq_queue *q)
{
	return q->turn_start_ns + (uint64_t)d->value[TIMEOUT_SYNC] * BFQ_MSEC * q->raise;
}

/* Q, in service, has had its time. */
static inline bool budget_timed_out(const struct bfq *d, const struct bfq_queue *q)
{
	return d->now >= q->timeout_ns;
}

/* It has, and shall lose its turn for it. */
bool budget_timeout_ends(const struct bfq *d, const struct bfq_queue *q);
/* The turn of the queue in service ends. */
void budget_expire(struct bfq *d, enum bfq_reason reason);

/* idle.c */
static inline uint64_t idle_slice_ns(const struct bfq *d)
{
	return (uint64_t)d->value[SLICE_IDLE_US] * BFQ_USEC;
}

/* More than this of its last 32 requests were seeks: the queue is seeky. */
#define BFQ_SEEKY_MANY 19

static inline bool idle_seeky(const struct bfq_queue *q)
{
	return __builtin_popcount(q->seeks) > BFQ_SEEKY_MANY;
}

/* Going from LAST_END to RQ is a seek. */
bool idle_is_seek(const struct bfq *d, uint64_t last_end, const struct sched_rq *rq);

#define BFQ_THINK_SAMPLES 80u

static inline bool idle_short_think(const struct bfq *d, const struct bfq_queue *q)
{
	return q->think_samples <= BFQ_THINK_SAMPLES || q->think_mean <= idle_slice_ns(d) / 2;
}

/* RQ is about to be added to Q. */
void idle_arrival(struct bfq *d, struct bfq_queue *q, const struct sched_rq *rq);
void idle_completion(struct bfq *d, struct bfq_queue *q);
/* Those who are busy should not get the same: they differ in class, group or weight. Q, which may
 * be NULL, is not disturbed by other weights if it is of the lightest. */
static inline bool idle_asymmetric(const struct bfq *d, const struct bfq_queue *q)
{
	const uint32_t *in = d->busy_class, all = d->busy;

	if (d->weights_used & (d->weights_used - 1) &&
	    (!q || !q->busy || q->weight_index != __builtin_ctz(d->weights_used)))
		return true;
	return (in[BFQ_RT] != all && in[BFQ_BE] != all && in[BFQ_IDLE] != all) ||
	       d->busy_groups > 1;
}

/* Waiting for Q makes the drive faster. */
static inline bool idle_boosts(const struct bfq *d, const struct bfq_queue *q)
{
	bool rotational = d->s.env.rotational;

	if (d->busy_raised || (!rotational && d->queueing))
		return false;
	return (rotational && !d->queueing) ||
	       (!idle_seeky(q) && q->io_bound && idle_short_think(d, q));
}

bool idle_is_better(const struct bfq *d, const struct bfq_queue *q);
/* How long Q would be waited for. */
uint64_t idle_for_ns(const struct bfq *d, const struct bfq_queue *q);
/* From now on Q, in service, empty and without a request in the drive, is waited for. */
void idle_begin(struct bfq *d, struct bfq_queue *q);
/* It was waited for in vain. */
void idle_over(struct bfq *d);

/* What was due by NOW happens. */
static inline void idle_tick(struct bfq *d, uint64_t now)
{
	if (d->idle_until <= now)
		idle_over(d);
	if (now > d->now)
		d->now = now;
}

/* inject.c */
/* A queue to take one request from while Q, in service, has none; or NULL. */
struct bfq_queue *inject_choose(struct bfq *d, struct bfq_queue *q);
/* Q, in service, was empty and gets a request; one of its requests has ended. */
void inject_arrival(struct bfq *d, struct bfq_queue *q);
void inject_completion(struct bfq *d, struct bfq_queue *q);
void inject_reset(const struct bfq *d, struct bfq_queue *q);

/* rate.c */
void rate_init(struct bfq *d);
/* RQ goes; one has ended. */
void rate_dispatch(struct bfq *d, const struct sched_rq *rq);
void rate_completion(struct bfq *d);
/* How long an interactive queue is raised. */
uint64_t rate_raise_ns(const struct bfq *d);

/* retime.c: TUNABLE has another value. */
void retime(struct bfq *d, enum bfq_tunable tunable);

/* raise.c */
/* Q becomes busy: is it somebody who just began? */
void raise_activation(struct bfq *d, struct bfq_queue *q);
/* SECTORS of Q were served: it has had enough help some day. */
void raise_served(struct bfq *d, struct bfq_queue *q, uint64_t sectors);
/* Nobody is raised any more. */
void raise_end_all(struct bfq *d);

#endif
