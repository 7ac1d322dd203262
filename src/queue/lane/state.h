/* SPDX-License-Identifier: Apache-2.0 */
/*
 * state.h - what a lane is made of, and which file writes which part.
 *
 * A lane belongs to one thread, its owner. Each member struct of struct lane is written by the file
 * that its comment names; other files read it, or call that file. Only the owner touches a member
 * whose comment names no lock and no atomic.
 */
#ifndef LANE_STATE_H
#define LANE_STATE_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include <weir/queue.h>

#include "base/fifo.h"
#include "base/fork.h"
#include "base/hist.h"
#include "base/spin.h"
#include "base/thread.h"
#include "engine/engine.h"
#include "queue/lane/io_priv.h"
#include "sched/sched.h"

/* An engine can register so many buffers. */
#define REGISTERED_MAX 1024u
/* A scheduler may have so many tags of a lane; blk-mq allows the same, 16 x 128. */
#define NR_REQUESTS_MAX 2048u
#define LANES_MAX 1024u
#define SCHED_TUNABLES_MAX 32u
/* A lane collects the ios that it gives back for so many other lanes at once. */
#define AWAY_LANES 8u
/* Two lines of 64 bytes: x86 prefetches them in pairs. */
#define CACHE_LINE 128u

/* Kinds of ios whose tags a scheduler can limit (limit_depth). An io that waits for such a limit
 * waits for its own kind only. */
enum wait_kind { WAIT_READ, WAIT_SYNC, WAIT_BACKGROUND, WAIT_KINDS };

/* A ctx has a lane for each of these kinds. They are the same lane unless some lanes are set
 * aside for reads. */
enum lane_kind { LANE_DEFAULT, LANE_READ, LANE_KINDS };

/* The values of struct io_priv's `step`: where an io that needs flushes around its data is. */
enum io_step { STEP_NONE, STEP_PRE, STEP_READY, STEP_DATA, STEP_POST };

/* FIFOs of ios and of tasks: io_list_add() and the others of base/fifo.h. */
#define IO_LIST_NEXT(io) (io_priv(io)->next)
FIFO_DEFINE(io_list, struct weir_io, IO_LIST_NEXT)
#define TASK_LIST_NEXT(task) (task_priv(task)->next)
FIFO_DEFINE(task_list, struct weir_task, TASK_LIST_NEXT)

/* Whose a request is: the pool's, the lane's and its scheduler's, or the engine's. */
enum request_state { REQUEST_FREE, REQUEST_TAKEN, REQUEST_OUT };

/* A request is what is scheduled: one or more ios that become one command. Its place in the pool
 * is its tag. */
struct request {
	struct sched_rq rq; /* first: sched_rq and request are cast to each other */
	struct weir_cmd cmd;
	struct line *line;	      /* in which the tag is counted (admit.h); NULL: in none */
	struct weir_io *first, *last; /* nr_ios of them, linked through their priv */
	uint32_t nr_ios;
	uint8_t state;	 /* enum request_state */
	bool cancelled;	 /* its ios have left it (cancel.c); dispatch.c drops it */
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
	/* A merged command that failed: its ios that are still to go by themselves, and its
	 * result. */
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
	uint64_t requests, splits, bounced, registered, register_failures, tag_waits, requeues;
	uint64_t resubmits, batches, sleeps, wakeups, retried_merges;
	/* The latency that the scheduler wants reads to keep, ns, when the last read ended (0:
	 * none), and the requests for reads that kept it, or took longer. */
	uint64_t read_target_ns, reads_in_target, reads_over_target;
	/* The lane's scheduler; why it chose requests, by the index of sched_ops.reasons; and what
	 * its gauges were lately. */
	const struct sched_ops *sched;
	uint64_t reasons[SCHED_REASONS_MAX];
	int64_t gauge[SCHED_GAUGES_MAX];
};

/* What a scheduler has learned, as sched_ops.save() writes it; nr is 0: nothing. */
struct learned {
	unsigned nr;
	uint64_t value[SCHED_STATE_MAX];
};

/* As struct lane_stats, of the writes by one placement id. */
struct placed {
	uint64_t ios, bytes, errors;
};

/* tags.c: the requests of a lane; the place of each in the pool is its tag. */
struct lane_tags {
	struct request *pool, **free;
	struct iovec *pieces;
	uint32_t nr, nr_free;
};

/* admit.c: the ios that wait for a tag, and who holds the tags (admit.h). */
struct lane_waiting {
	struct admit *admit;
	uint64_t nr;	  /* ios that wait */
	bool counts_tags; /* the scheduler tells kinds or submitters apart */
};

/* plug.c: ios that the owner has submitted and the loop has not yet taken. */
struct lane_plug {
	struct io_list ios;
	struct weir_io *last;
	uint32_t runs;	    /* of ios that continue one another */
	uint64_t run_bytes; /* of the last of these */
	uint64_t nr_begun;  /* atomic: ios that were ever submitted by the owner */
};

/* flush_steps.c: ios that need a flush, before their data or after it. */
struct lane_flush {
	struct io_list ios;   /* wait for the next flush */
	struct io_list ready; /* their flush before the data has ended */
	uint64_t since_ns;    /* when the first of `ios` came */
	uint32_t nr_data;     /* ios whose data is under way and that need a flush after it */
	bool in_flight;
};

/* dispatch.c: requests that leave the scheduler, and commands that the engine has. */
struct lane_out {
	struct request_list dispatch; /* goes to the engine before what the scheduler holds */
	uint64_t bytes;		      /* of the commands with the engine; atomic */
	uint64_t rerun_ns;	      /* when a refused command is offered again */
	uint32_t commands;	      /* with the engine; atomic */
	uint32_t queued;	      /* accepted by the engine, not yet started */
	bool dropped; /* a request without ios left the scheduler: its tag is for those that wait */
	bool refused; /* the engine had no room: wait for a completion or rerun_ns */
	bool narrow;  /* the engine gets half of depth_bytes */
};

/* alarm.c: a task for the layer above, and when it runs. */
struct lane_alarm {
	struct weir_task *task;
	uint64_t at; /* queue_now(); UINT64_MAX: never */
};

/* ended.c: ios that have ended here and are to be called back by lane TO. */
struct lane_away {
	struct lane *to; /* valid while there are any */
	struct io_list ios;
};

/* ended.c: ios that have ended and tasks, both to be called at the top level of the loop. */
struct lane_ended {
	struct io_list ios;
	struct task_list tasks;
	struct lane_away away[AWAY_LANES]; /* by the index of the other lane */
	bool has_away;
	uint64_t nr_done; /* atomic: ios that were ever called back here */
	bool in_callback;
	bool task_ran; /* since ended_expect_task() */
};

/* One piece of registered memory. */
struct registered_range {
	uintptr_t base;
	size_t length;
	uintptr_t reach; /* the farthest end of this and all before it */
	int16_t index;
};

/* registered.c: memory that the engine has registered, by address. */
struct lane_registered {
	struct registered_range *ranges;
	uint32_t nr;
	uint32_t seen;	/* the queue's register_serial that was taken over */
	bool unsettled; /* there is more to do, when commands have ended */
};

/* control.c: what changes while the queue runs. */
struct lane_change {
	struct io_list held;	/* while the queue drains for a switch of the scheduler */
	uint32_t seen;		/* generation that was taken over */
	bool draining;		/* as of then */
	struct sched *next;	/* under the queue's lock: the scheduler after the switch */
	bool drained;		/* under the queue's lock: no request is left */
	uint64_t shown_ns;	/* when what the scheduler has learned was last shown */
	struct learned learned; /* under the queue's lock: what it had learned then (learned.c) */
};

/* cancel.c: ios that are to end without the drive. */
struct lane_cancel {
	uint32_t seen; /* the queue's `cancels` that were taken care of */
};

/* fd.c: the descriptor for event loops; -1 until it is asked for. */
struct lane_fd {
	int epoll, timer;
	struct fork_fd epoll_watch, timer_watch;
};

/* sleep.c, and for `staged` wake.c, which explains the two flags: how the owner sleeps. */
struct lane_sleep {
	uint32_t staged; /* atomic: something may have been staged for this lane */
	uint32_t asleep; /* atomic: whoever stages something must write wake_fd */
	int wake_fd;
	struct fork_fd wake_watch;
	struct spin spin;     /* the owner's: whether it pays to look before a sleep */
	uint32_t empty_polls; /* the owner's: polls in a row after which nothing had ended */
	bool waited; /* the owner's: the engine's wait() was called since the last reap() */
	bool marked; /* the owner's: the last turn left the lane marked asleep */
};

/* stage.c: what other threads leave for the lane, under the lock. */
struct lane_inbox {
	pthread_mutex_t lock;
	struct task_list posted;
	struct io_list forwarded; /* to be scheduled here; owners of other lanes submitted them */
	struct io_list returned;  /* ended on another lane, to be called back here */
};

/* owner.c: the thread that runs the lane. */
struct lane_owner {
	uint32_t owned;	   /* atomic: somebody is the owner */
	uintptr_t thread;  /* thread_number() of the owner; 0: there is none */
	struct lane *next; /* lanes of one thread, in other queues */
	pthread_t worker;
	bool worker_runs;
};

struct lane {
	/* Set at open and never changed. */
	struct weir_queue *q;
	uint32_t index;
	struct lane *serves[LANE_KINDS]; /* where its owner's ios are scheduled */
	struct lane_stats *stats;
	struct placed *placed; /* for each of the queue's placements; NULL: there are none */

	/* The owner's. */
	struct engine *engine; /* while somebody is attached */
	struct sched *sched;
	struct trace_lane *trace; /* tracing.c; NULL: nothing is written down */
	uint64_t look_ns; /* tracing.c: when to look at the scheduler's gauges; UINT64_MAX: never */
	uint64_t now;	  /* the time of the stage that is running */
	struct lane_tags tags;
	struct lane_waiting waiting;
	struct lane_plug plug;
	struct lane_flush flush;
	struct lane_out out;
	struct lane_ended ended;
	struct lane_alarm alarm;
	struct lane_registered registered;
	struct lane_change change;
	struct lane_cancel cancel;
	struct lane_fd fd;

	/* Everybody's, on a cache line of their own. */
	struct lane_sleep sleep __attribute__((aligned(CACHE_LINE)));
	struct lane_inbox inbox;
	struct lane_owner owner;
} __attribute__((aligned(CACHE_LINE)));

/* True if the calling thread is the owner of LANE: functions that only the owner may call check
 * it. */
static inline bool lane_is_mine(const struct lane *lane)
{
	return lane->owner.thread == thread_number();
}

/* A staging queue: ios of threads that own no lane. stage.c writes it, under the lock. */
struct ctx {
	pthread_mutex_t lock;
	struct io_list staged[LANE_KINDS];
	uint64_t nr_begun[LANE_KINDS]; /* ios that were ever staged here (atomic) */
	uint64_t stamp_ns;	       /* when the first of staged came */
	struct lane *lane[LANE_KINDS]; /* where `end` runs; never changes */
} __attribute__((aligned(CACHE_LINE)));

#endif
