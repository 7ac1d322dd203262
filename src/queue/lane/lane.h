/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lane.h - the parts of a queue, and who may touch what.
 *
 * A lane belongs to one thread. Its fields are grouped by who uses them: the owner alone, or
 * everybody through a lock or an atomic. The functions declared here run on the owner's thread
 * unless they say otherwise.
 */
#ifndef LANE_H
#define LANE_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include <weir/queue.h>

#include "base/clock.h"
#include "base/fifo.h"
#include "base/fork.h"
#include "base/hist.h"
#include "engine/engine.h"
#include "queue/lane/io_priv.h"
#include "sched/sched.h"

/* Ios that the owner gathers before it hands them down without being polled. */
#define PLUG_MAX 32u
/* One that is so long goes at once, with what has gathered: the drive begins while the next is
 * being prepared. (blk-mq's plug has the same two rules, with 128 KiB.) */
#define PLUG_BYTES (512u << 10)
/* When a command that the engine refused is offered again while nothing is in flight. */
#define RERUN_NS (3 * 1000000ull)
/* One discard or write-zeroes command at most, so that sectors fit and others get a turn. */
#define LONGEST_RANGE (1ull << 30)
#define REGISTERED_MAX 1024u
/* Tags of a lane that a scheduler may have; blk-mq's 16 x 128. */
#define NR_REQUESTS_MAX 2048u
/* blk-mq's rule for a scheduler: twice the driver's depth, counted as at most 128. */
#define SCHED_DEPTH_BASE 128u
#define LANES_MAX 1024u
#define SCHED_TUNABLES_MAX 32u
/* Two of x86's 64 bytes: its prefetcher fetches them in pairs. */
#define CACHE_LINE 128u

/* A scheduler may limit the tags of some kinds of ios (limit_depth); who waits for such a limit
 * waits for its own kind only. */
enum wait_kind { WAIT_READ, WAIT_SYNC, WAIT_BACKGROUND, WAIT_KINDS };

/* A ctx has a lane for each of these; where none is set aside for reads they are the same. */
enum lane_kind { LANE_DEFAULT, LANE_READ, LANE_KINDS };

/* The values of struct io_priv's `state`. */
enum io_state { IO_IDLE = 0, IO_PENDING = 1, IO_WAITED = 2, IO_DONE = 3 };

/* The values of struct io_priv's `sequence`: where an io that needs flushes around its data is. */
enum io_sequence { SEQ_NONE, SEQ_PRE, SEQ_READY, SEQ_DATA, SEQ_POST };

/* FIFOs of ios and of tasks: io_list_add() and the others of base/fifo.h. */
#define IO_LIST_NEXT(io) (io_priv(io)->next)
FIFO_DEFINE(io_list, struct weir_io, IO_LIST_NEXT)
#define TASK_LIST_NEXT(task) (task_priv(task)->next)
FIFO_DEFINE(task_list, struct weir_task, TASK_LIST_NEXT)

/* One command's worth of one or more ios: what is scheduled. Its place in the pool is its tag. */
struct request {
	struct sched_rq rq; /* first: sched_rq and request are cast to each other */
	struct weir_cmd cmd;
	struct line *line;	      /* in which the tag is counted (admit.h); NULL: in none */
	struct weir_io *first, *last; /* nr_ios of them, linked through `next` */
	uint32_t nr_ios;
	bool scheduled;	 /* the scheduler knows it */
	bool registered; /* all of its memory is, though perhaps not in one piece */
	uint64_t submit_ns;
	struct iovec one; /* cmd.iov where memory is contiguous */
	union {		  /* where it is not: room for max_segments */
		struct iovec *pieces;
		struct cmd_range *ranges;
	};
	void *bounce;		/* stands in for memory that is not aligned */
	uint64_t bounce_cursor; /* where in the io it begins */
	/* Of a merged command that failed: ios that are still to go by themselves, and its end. */
	struct weir_io *retry;
	uint32_t nr_retry;
	int32_t retry_result;
	uint16_t retry_status;
	TAILQ_ENTRY(request) link;
};

TAILQ_HEAD(request_list, request);

/* Counters of a lane: written by the owner, read by anybody (relaxed). */
struct lane_stats {
	struct {
		uint64_t ios, bytes, errors;
		struct hist wait, device;
	} op[WEIR_OP_COUNT];
	uint64_t back_merges, front_merges, discard_merges, request_merges;
	uint64_t requests, splits, bounced, fixed, fixed_failed, tag_waits, requeues, resubmits;
	uint64_t batches, sleeps, wakeups, retried_merges;
};

/* As struct lane_stats, of the writes by one placement id. */
struct placed {
	uint64_t ios, bytes, errors;
};

struct fixed_range {
	uintptr_t base;
	size_t length;
	uintptr_t reach; /* the farthest end of this and all before it */
	int16_t index;
};

struct lane {
	/* Set at open and never changed. */
	struct weir_queue *q;
	uint32_t index;
	int wake_fd;
	struct fork_fd wake_watch;
	struct lane *serves[LANE_KINDS]; /* where its owner's ios are scheduled */

	/* The owner's. */
	struct engine *engine; /* while somebody is attached */
	struct sched *sched;
	struct io_list held; /* while the queue drains */
	uint32_t seen;	     /* generation that was taken over */
	bool draining;	     /* as of then */
	struct request *pool, **free;
	struct iovec *pieces;
	uint32_t nr_tags, nr_free;    /* of the pool */
	struct admit *admit;	      /* who holds them and who waits for one: admit.h */
	uint64_t nr_waiting;	      /* ios that do */
	bool counts_tags;	      /* the scheduler tells kinds or submitters apart */
	struct io_list plug;	      /* submitted by the owner, not yet taken */
	struct weir_io *plug_last;    /* of them */
	uint32_t plug_runs;	      /* of ios on it that continue one another */
	uint64_t plug_run_bytes;      /* of the last of these */
	struct io_list flushes;	      /* for the next flush */
	struct request_list dispatch; /* scheduled already: goes before the scheduler's */
	struct io_list ended;	      /* to be called back */
	struct task_list tasks;
	uint32_t in_flight;	  /* stored atomically: the statistics read it */
	uint64_t in_flight_bytes; /* likewise */
	uint32_t queued;	  /* accepted by the engine, not yet started */
	uint64_t now;		  /* the time of the stage that is running */
	uint64_t rerun_ns;
	bool flush_in_flight;
	uint64_t flush_since_ns; /* when the first of flushes came */
	uint32_t sequenced;	 /* data of flush sequences under way */
	struct io_list ready;	 /* ios whose flush before the data has ended */
	bool refused;		 /* the head of dispatch: wait for a completion or rerun_ns */
	bool in_callback;
	bool task_ran;		   /* since weir_queue_poll_wait() cleared it */
	bool waited;		   /* the engine's wait() was called since the last reap() */
	bool marked;		   /* the last turn left the lane marked asleep */
	struct fixed_range *fixed; /* registered here, by address */
	uint32_t nr_fixed, seen_registered;
	bool registering;	 /* there is more to do, when commands have ended */
	struct lane *next_owned; /* lanes of one thread, in other queues */
	int epoll_fd, timer_fd;	 /* for weir_queue_fd(); -1 until asked for */
	struct fork_fd epoll_watch, timer_watch;

	/* Everybody's: atomics, on a cache line of their own. */
	uint32_t owned __attribute__((aligned(CACHE_LINE))); /* 1: somebody is the owner */
	uint32_t inbox;	   /* 1: something may be staged for this lane */
	uint32_t asleep;   /* 1: a submitter must write wake_fd */
	uint64_t nr_begun; /* ios whose end runs here: submitted by the owner ... */
	uint64_t nr_done;  /* ... and ended here, whoever submitted them */
	struct lane_stats *stats;
	struct placed *placed; /* for each of the queue's placements; NULL: there are none */

	/* Everybody's: under the lock. */
	pthread_mutex_t lock;
	struct task_list posted;
	struct io_list forwarded; /* to be scheduled here, submitted by owners of other lanes */
	struct io_list returned;  /* ended elsewhere, to be called back here */

	struct sched *next_sched; /* to go on with when the queue has drained */
	bool drained;		  /* for a switch: no request is left */

	pthread_t worker;
	bool worker_runs;
} __attribute__((aligned(CACHE_LINE)));

/* A staging queue: ios of threads that own no lane. */
struct ctx {
	pthread_mutex_t lock;
	struct io_list staged[LANE_KINDS];
	uint64_t nr_begun[LANE_KINDS]; /* ios that were ever staged here (atomic) */
	uint64_t stamp_ns;	       /* when the first of staged came */
	struct lane *lane[LANE_KINDS]; /* where `end` runs; never changes */
} __attribute__((aligned(CACHE_LINE)));

struct weir_queue {
	struct weir_device *dev;
	const struct weir_device_info *info;
	const struct engine_ops *engine_ops;
	const struct sched_ops *sched_ops; /* atomic */
	struct weir_queue_opts opts;	   /* every default filled in */
	uint32_t max_segments;
	uint32_t max_discard_ranges;
	bool cached;	      /* a flush has something to do */
	bool passes_fua;      /* the engine can, and it has something to do */
	uint32_t memory_mask; /* address bits that must be 0 */
	uint32_t block_mask;
	struct lane *lanes;
	uint32_t nr_lanes; /* opts.lanes, and perhaps one as a home where others are attached */
	struct lane *home; /* of a PER_QUEUE scheduler, else NULL (atomic) */
	struct ctx *ctxs;
	uint32_t nr_ctxs;
	uint16_t *placements; /* the drive's ids, ascending */
	uint32_t nr_placements;
	char engine_why[256];
	uint32_t process;	      /* that opened it */
	struct weir_queue *next_kept; /* child.c's */

	/* Atomics. */
	uint32_t depth;
	uint32_t nr_requests; /* that may be used of a lane's pool */
	uint32_t merging;     /* enum sched_merging */
	uint64_t depth_bytes, max_io_bytes;
	uint32_t generation;	/* of all that may change: control.c */
	uint32_t draining;	/* for a switch of the scheduler */
	uint32_t stop;		/* the workers are to drain and end */
	uint32_t drain_waiters; /* threads in weir_queue_wait() that own no lane */

	pthread_mutex_t lock;
	pthread_cond_t changed;	   /* a lane ended ios while drain_waiters was not 0 */
	struct registry *registry; /* register.c's, under the lock; NULL: nothing ever was */
	uint32_t register_serial;  /* atomic: counts its changes, which are under the lock */

	/* control.c's, under the lock. */
	const struct sched_ops *next_ops; /* while draining */
	struct {
		int64_t value;	 /* when it was last looked at */
		int64_t set;	 /* by the user ... */
		uint32_t set_at; /* ... in this generation; 0: never */
	} tunable[SCHED_TUNABLES_MAX];
	struct settings *settings;   /* submitter.c; read as an atomic */
	pthread_mutex_t switch_lock; /* held over a whole control_switch(), before the lock */
};

/* child.c: sets the words, and returns -ECHILD. */
int child_refuse(void) __attribute__((cold));

/* 0, or -ECHILD with words where Q was inherited over fork(): what every public function asks
 * first. Any thread. */
static inline int queue_check_process(const struct weir_queue *q)
{
	return __builtin_expect(fork_inherited(q->process), 0) ? child_refuse() : 0;
}

/* The time that Q lives in, ns. Any thread. */
static inline uint64_t queue_now(const struct weir_queue *q)
{
	return q->engine_ops->now ? q->engine_ops->now(q->engine_ops) : clock_now();
}

/* The lane that schedules for all of Q's, or NULL. Any thread. */
static inline struct lane *queue_home(const struct weir_queue *q)
{
	return __atomic_load_n(&q->home, __ATOMIC_SEQ_CST);
}

static inline enum lane_kind lane_kind(const struct weir_io *io)
{
	return io->op == WEIR_OP_READ ? LANE_READ : LANE_DEFAULT;
}

/* N commands of BYTES more (or fewer: N negative) are with the engine. */
static inline void lane_count(struct lane *lane, int n, uint64_t bytes)
{
	__atomic_store_n(&lane->in_flight, lane->in_flight + (uint32_t)n, __ATOMIC_RELAXED);
	__atomic_store_n(&lane->in_flight_bytes,
			 n > 0 ? lane->in_flight_bytes + bytes : lane->in_flight_bytes - bytes,
			 __ATOMIC_RELAXED);
}

/* What CMD counts for against depth_bytes. */
static inline uint64_t cmd_data_bytes(const struct weir_cmd *cmd)
{
	return cmd->op == WEIR_OP_READ || cmd->op == WEIR_OP_WRITE ? cmd->length : 0;
}

/* lane.c: life and loop */
int lane_init(struct lane *lane, struct weir_queue *q, uint32_t index);
/* Frees what LANE has; its locks are left as they are. */
void lane_free(struct lane *lane);
/* Everything but calling back: takes, dispatches, submits. */
void lane_push(struct lane *lane);
/* One turn of the loop; returns how many ios ended. */
unsigned lane_turn(struct lane *lane);
/* Sleeps until there may be something to do, or DEADLINE. */
void lane_sleep(struct lane *lane, uint64_t deadline);
/* Marks the lane asleep; false if something came meanwhile (and it is awake again). */
bool lane_mark_asleep(struct lane *lane);
/* The owner returns to its program, which may sleep in a way of its own: marks the lane asleep,
 * and sees to it that the descriptor fires for what is there and when. */
void lane_rest(struct lane *lane);
/* While the queue drains: the ios of LIST wait, or end if they must not wait. */
void lane_hold(struct lane *lane, struct io_list *list);
/* Runs the lane until it is idle. */
void lane_drain(struct lane *lane);
/* Nothing is outstanding, waiting or staged. */
bool lane_idle(struct lane *lane);
/* When the lane must run although nothing happens; UINT64_MAX: never. */
uint64_t lane_next_event(struct lane *lane);

/* stage.c: how ios come in. Any thread. */
void stage_io(struct weir_queue *q, struct weir_io *io);
void stage_task(struct lane *lane, struct weir_task *task);
void stage_list(struct lane *lane, struct io_list *list);
void stage_returned(struct lane *lane, struct weir_io *io);
void lane_wake(struct lane *lane);
/* stage.c: the owner takes what came. Ios go to INTO, ended ones and tasks to the lane. */
void stage_take(struct lane *lane, struct io_list *into);

/* split.c: makes RQ the next part of IO; 0 or -ENOMEM. */
int split_next(struct lane *lane, struct weir_io *io, struct request *rq);
/* split.c: the longest command for IO, bytes. */
uint64_t split_longest(const struct weir_queue *q, const struct weir_io *io);
/* split.c: how many commands the rest of IO makes, or more than MOST. */
uint64_t split_parts(const struct lane *lane, const struct weir_io *io, uint64_t most);
/* split.c: IO makes one command, its memory being as it is. */
bool split_whole(const struct lane *lane, const struct weir_io *io);
/* What a scheduler is told of IO: enum sched_rq_flags. */
static inline uint8_t split_flags(const struct weir_io *io)
{
	bool sync = io->op == WEIR_OP_READ || !(io->flags & WEIR_IO_BACKGROUND) ||
		    io_priv(io)->sequence;

	return (uint8_t)((sync ? SCHED_RQ_SYNC : 0) | (io->flags & WEIR_IO_FUA ? SCHED_RQ_FUA : 0));
}
/* split.c: gives back what a bounce buffer read, and frees it. */
void split_unbounce(struct request *rq, struct weir_io *io);
/* split.c: frees what split_next() made, unused. */
void split_drop(struct request *rq);

/* join.c: one command from several. True: IO went into a request that waits, on PLUG or with the
 * scheduler. */
bool join_io(struct lane *lane, struct weir_io *io, struct sched_list *plug);
/* join.c: as sched_env.merge, for the lane. */
bool join_requests(void *lane, struct sched_rq *into, struct sched_rq *gone, enum sched_merge how);

/* sequence.c: takes IO in where it needs a flush first; false: its data may go. */
bool sequence_accept(struct lane *lane, struct weir_io *io);
/* sequence.c: the data of IO has ended; false if IO waits for a flush now. */
bool sequence_data_ended(struct lane *lane, struct weir_io *io);
/* sequence.c: a flush that IO waited for has ended. */
void sequence_flush_ended(struct lane *lane, struct weir_io *io, int result, uint16_t status);
/* sequence.c: starts a flush if it is time for one. */
void sequence_kick(struct lane *lane);
/* sequence.c: when sequence_kick() is to be called though nothing happens; UINT64_MAX: never. */
uint64_t sequence_next_event(const struct lane *lane);

/* accept.c: from ios to requests: those of LIST, and those that wait. */
void accept_ios(struct lane *lane, struct io_list *list);
/* dispatch.c: from requests to commands: those of BATCH, which are new, and then all. */
void dispatch_hand_on(struct lane *lane, struct sched_list *batch);
void dispatch_run(struct lane *lane);
/* There is room, and nothing goes before what the scheduler holds. */
bool dispatch_may_ask(const struct lane *lane);

/* complete.c: from commands to ended ios. */
void complete_cmd(void *lane, struct weir_cmd *cmd);
/* The part of IO that RQ carries has ended. */
void complete_part(struct lane *lane, struct weir_io *io, struct request *rq, int result,
		   uint16_t status);
void complete_request(struct lane *lane, struct request *rq, int result, uint16_t status);
/* Every part of IO has ended. */
void complete_data(struct lane *lane, struct weir_io *io);
void complete_io(struct lane *lane, struct weir_io *io);
unsigned complete_callbacks(struct lane *lane);

/* retry.c: RQ has failed; true if it carried several ios, which retry_next() lets go one by one. */
bool retry_begin(struct lane *lane, struct request *rq);
/* retry.c: RQ carries the next of them; false if there is none, and its tag is free. */
bool retry_next(struct lane *lane, struct request *rq);

/* register.c: fixed buffers of a lane. */
/* Registers and lets go of what has changed; what fails is noted, and ios go on without. */
void register_settle(struct lane *lane);
/* The lane has no engine any more. */
void register_leave(struct lane *lane);
/* The number of the buffer that holds LENGTH bytes at BASE, or -1. */
int16_t register_find(const struct lane *lane, const void *base, size_t length);
/* LENGTH bytes at BASE are in no one buffer: how many are in the first of several that hold all
 * of them, side by side; LENGTH: there are none such. */
size_t register_border(const struct lane *lane, const void *base, size_t length);

/* owner.c: the lane of Q that the calling thread owns, or NULL. Any thread. */
struct lane *owner_lane(const struct weir_queue *q);
/* As owner_lane(), but takes lane 0 of a queue without workers if it is free. 0, or what the
 * engine said; *LANE may be NULL. */
int owner_lane_or_attach(struct weir_queue *q, struct lane **lane);
/* The calling thread is inside a callback of any queue. */
bool owner_in_callback(void);
int owner_attach(struct lane *lane);
void owner_detach(struct lane *lane);
/* The calling thread owns LANE and others of its queue: owner_lane() is LANE from now on. */
void owner_use(struct lane *lane);
/* Is LANE the calling thread's, or was it before the fork()? */
bool owner_has(const struct lane *lane);
/* In a child of fork(): frees the engine of LANE if owner_has() it, and it is no longer. */
void owner_forget(struct lane *lane);
int owner_start_worker(struct lane *lane);

/* validate.c: 0 or -errno, weir_error() set. Any thread. */
int validate_io(const struct weir_queue *q, const struct weir_io *io);

#endif
