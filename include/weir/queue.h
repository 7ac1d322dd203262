/* SPDX-License-Identifier: Apache-2.0 */
/*
 * weir/queue.h - queues: a multi-queue block layer in user space.
 *
 * A program submits ios (struct weir_io) to a queue. A queue belongs to one device and has one or
 * more lanes. A lane is a hardware queue together with the one thread that owns it: only this
 * thread touches the lane's ring, tags, requests and completions. The owner is
 *   - a thread of the program that attached to the lane and polls it (a program with one thread
 *     attaches by its first call), or
 *   - a worker thread that the queue started (opts.workers).
 * Any thread may submit: an io that another thread than the owner submits is staged for the lane,
 * and the owner is woken.
 *
 * Rules
 *   - Submit never blocks. If it returns 0, `end` is called exactly once; if it returns a negative
 *     value, `end` is not called. An io for which there is no tag waits inside the queue, or ends
 *     with -EAGAIN if it has WEIR_IO_NOWAIT.
 *   - No io waits for a tag for ever, under any scheduler, whatever others do. Each completion
 *     frees a tag, and a free tag goes at once to the io that has waited longest. So an io waits
 *     for at most as many completions as there are commands before it. A limit of the scheduler
 *     (such as async_depth) counts the tags of one kind of ios; an io above the limit waits for
 *     completions of its own kind only. Where the scheduler heeds deadlines (pace), others of its
 *     submitter that are due earlier may go before an io: 64 at most for each io that becomes the
 *     first of those that wait, so their number has a bound.
 *   - Some schedulers know submitters (bfq, cfq, pace). With these a free tag goes to the
 *     submitter that holds the fewest tags for its weight. So each submitter has its share of
 *     nr_requests after at most nr_requests completions. After that, each completion of its own
 *     gives it the next tag. Tags that a submitter does not need are lent to others. To use its
 *     share, a submitter must have that many ios outstanding. With mq-deadline the three priority
 *     classes share in the same way, all with the same weight.
 *   - The scheduler decides when an io that has a tag goes to the drive: mq-deadline holds lower
 *     classes until they have aged, and cfq holds class IDLE while others keep the drive busy.
 *   - Completion: `end` runs at the top level of the owner's loop with nothing held. It may
 *     submit, and may free or reuse its io. It may not poll, wait, attach, detach or close
 *     (-EDEADLK), and so with every other queue.
 *   - The io, its buffers and its iovec belong to the queue from submit until `end`.
 *   - Ios are not ordered, except by flushes: WEIR_OP_FLUSH (and WEIR_IO_PREFLUSH) covers the
 *     writes that had ended before it was submitted, and WEIR_IO_FUA covers its own write.
 *   - A lane can lose its io_uring ring: the program closed the descriptor, or a filter forbids the
 *     call. Then ios whose result is not known end with -EIO, and so does each io that is submitted
 *     later, through `end`. weir_io.ring_lost is set, cause is the kernel's errno, and
 *     weir_io_strerror() says to reopen the queue. An io for which the kernel may still move data
 *     ends only when the kernel no longer uses its memory, or after 60 s (if the descriptor was
 *     duplicated or inherited, nobody can tell). Such a write may have reached the medium. Closing
 *     the queue works.
 *   - A child of fork() gets -ECHILD from every call on a queue that it inherited, and may close
 *     it; see weir/base.h.
 *
 * Caveats
 *   - An attached lane does nothing unless its owner polls or waits.
 *   - Offset and length are multiples of the logical block; memory that is not aligned is
 *     copied (bounced), which the statistics count.
 *   - WEIR_OP_DISCARD on a regular file succeeds and does nothing, because holes would make later
 *     writes slow or impossible.
 */
#ifndef WEIR_QUEUE_H
#define WEIR_QUEUE_H

#include <stddef.h>
#include <stdint.h>

#include <weir/base.h>
#include <weir/device.h>
#include <weir/engine.h>
#include <weir/io.h>
#include <weir/sched.h>

#ifdef __cplusplus
extern "C" {
#endif

struct weir_queue;
struct weir_trace;

/* How a thread that owns no lane finds its staging queue (ctx), and with it a lane. */
enum weir_queue_ctx_by {
	WEIR_QUEUE_CTX_BY_CPU = 0,    /* one ctx for each CPU */
	WEIR_QUEUE_CTX_BY_THREAD = 1, /* one ctx for each thread, up to 64, then shared */
	WEIR_QUEUE_CTX_BY_NODE = 2,   /* one ctx for each NUMA node */
};

/* Options of weir_queue_open(). Start from WEIR_QUEUE_OPTS_INIT; 0 and NULL mean the default. */
struct weir_queue_opts {
	size_t size;	       /* sizeof(struct weir_queue_opts) */
	const char *engine;    /* "auto" (default): the best that works; see weir_engines() */
	const char *scheduler; /* see weir_schedulers(); default "mq-deadline" for one lane, "none"
				* for several */
	uint32_t lanes;	       /* 1 to the number of CPUs; default 1 */
	uint32_t read_lanes;   /* of these, for reads only; default 0: every lane serves all */
	uint32_t workers;      /* 1: the queue runs every lane on a thread of its own */
	uint32_t depth;	       /* driver tags a lane; default 128; lanes x depth never above the
				* nr_requests beneath */
	uint32_t nr_requests;  /* scheduler tags a lane; default 2 x min(depth, 128) */
	uint64_t depth_bytes;  /* bytes in flight a lane; default 8 MiB, UINT64_MAX: no limit */
	uint64_t max_io_bytes; /* longest command; default 1 MiB, never above the device's */
	uint32_t ctx_by;       /* enum weir_queue_ctx_by */
	uint32_t nomerges;     /* 0: merge what is adjacent; 1: only cheaply found; 2: never */
	/* The engine's own options, "key=value" with commas between, or NULL. Unknown keys and
	 * values out of range are refused (-EINVAL). The text is not needed after the call.
	 *   posix:     threads=8    size of the pool of each lane; default min(depth, 16)
	 *   uring_cmd: timeout=30s  the kernel cancels an NVMe command that takes longer; at least
	 *                           1ms, default the driver's own. The command is tried again, 3
	 *                           times; after that its outcome is unknown (-EINTR, or a status
	 *                           that says so)
	 *   null:      latency=10us a command ends after this time; default: at once */
	const char *engine_opts;
	/* 1: when a command that carries several ios (merged) fails, each of them goes once by
	 * itself, one after the other, with the tag of the command and before what the scheduler
	 * holds; so one bad block fails its own io only, with its own offset. Not after a timeout
	 * or a reset, or where the drive is away. Default 0: all of them end with its error. */
	uint32_t retry_merged;
	/* 1: other processes of this user may watch the queue while it is open (`weir top`, see
	 * docs/control.md), if there is a place for a socket. Of several
	 * such queues on one device the one that was opened last is seen. Costs a thread that
	 * sleeps. Not for the queue of a store: a store has a socket of its own. Default 0. */
	uint32_t watched;
	struct weir_trace *trace; /* writes down each request (weir/trace.h); must be open until
				   * the queue is closed; default NULL: none */
};

#define WEIR_QUEUE_OPTS_INIT WEIR_INIT_SIZED(struct weir_queue_opts)

/*
 * Opens a queue on DEV, which must stay open until the queue is closed. OPTS may be NULL.
 * With opts.workers the lanes run when this returns; otherwise each waits for its owner.
 *
 * A scheduler that keeps one order for the whole queue (all except none, kyber and pace; these two
 * where "one_sched" says so) runs on one lane. If threads of the program own several lanes, the
 * queue starts one worker of its own for it.
 *
 * Errors: -EINVAL (an option out of range, or an option that the engine does not have), -ENOENT (no
 * such engine or scheduler), -EOPNOTSUPP (the engine cannot work here: weir_error() says why),
 * -ENOMEM. Any thread.
 */
int weir_queue_open(struct weir_queue **q, struct weir_device *dev,
		    const struct weir_queue_opts *opts);

/*
 * Waits for all I/O, stops the workers, and frees the queue. Other threads must have detached
 * and must not use Q any more. A lane that nobody owns is run by the caller to drain it.
 * In a child of fork() it frees the memory and returns 0. Errors: -EDEADLK from a callback, -EBUSY
 * while another thread is attached; or the engine's own where such a lane cannot be run (-EMFILE,
 * -ENOMEM): then the workers have ended, and all that may be done with Q is to close it again. NULL
 * is allowed.
 */
int weir_queue_close(struct weir_queue *q);

#define WEIR_LANE_ANY UINT32_MAX

/*
 * Makes the calling thread the owner of lane LANE (WEIR_LANE_ANY: the first free one): the ring
 * is created here, and only this thread may poll it. A thread owns at most one lane of a queue.
 * Errors: -EBUSY (owned already, or workers run it), -EEXIST (this thread owns one), -EINVAL,
 * -EDEADLK from a callback, or what the engine said.
 */
int weir_queue_attach(struct weir_queue *q, uint32_t lane);

/*
 * Drains the calling thread's lane, including ios that others staged on it, and gives the lane up.
 * All ios whose `end` runs on this lane have ended then, also those that another lane schedules.
 * Errors: -EPERM (owns none), -EDEADLK from a callback.
 */
int weir_queue_detach(struct weir_queue *q);

/*
 * Submits IO; see the rules above. The first thread that calls this on a queue without workers
 * becomes the owner of lane 0, unless it is a worker of another queue. The owner's ios gather, and
 * are handed on when it polls or waits, when there are 32 (ios that continue one another count as
 * one), or when an io, or a run of ios that continue one another, has 512 KiB. Errors (`end` is not
 * called): -EINVAL (misaligned: weir_error() says by how much; no such operation, priority class or
 * placement id), -ERANGE (beyond the device), -EROFS, -EOPNOTSUPP (a placement id or update where
 * there are none).
 */
int weir_queue_submit(struct weir_queue *q, struct weir_io *io);

/*
 * Runs the calling thread's lane once, without sleeping: takes staged ios, dispatches, reaps, and
 * calls `end` for each io that has ended. Returns the number of these ios, or
 * -EPERM (this thread owns no lane and none is free), -EDEADLK from a callback.
 */
int weir_queue_poll(struct weir_queue *q);

/*
 * As weir_queue_poll(), but sleeps up to TIMEOUT_NS (UINT64_MAX: for ever) until an io ended, a
 * task ran, or another thread staged something. It sleeps even if
 * nothing is outstanding: to wait until all ios have ended use weir_queue_wait().
 */
int weir_queue_poll_wait(struct weir_queue *q, uint64_t timeout_ns);

/*
 * Blocks until no io is outstanding. The owner of a lane runs it meanwhile, and waits for the ios
 * of that lane. A thread that owns no lane waits for all ios of the queue. Errors: -EDEADLK from a
 * callback.
 */
int weir_queue_wait(struct weir_queue *q);

/*
 * Blocks until IO has ended, at most TIMEOUT_NS (UINT64_MAX: for ever), and returns its result. A
 * thread that owns a lane runs it meanwhile. IO must have been submitted on Q. Where IO has an
 * `end` too, a thread that is not the owner may return before that has finished; `end` must not
 * free the io then.
 * Errors besides the io's own: -ETIMEDOUT (the io goes on, and belongs to the queue as before),
 * -EINVAL (prepared, never submitted), -EDEADLK from a callback.
 */
int weir_io_wait(struct weir_queue *q, struct weir_io *io, uint64_t timeout_ns);

/*
 * Asks Q to end IO, which was submitted on it, before the drive sees it. An io of which nothing has
 * gone to the drive (it waits in the queue: for its lane, for a tag, in the scheduler, or for room
 * in the engine) ends with -ECANCELED, and nothing of it was read or written. Any other ends as if
 * this had not been called: one that has begun, one that shares a command with ios that are not
 * cancelled (merged), and a flush. Either way `end` is called exactly once, by the owner's loop,
 * and weir_io_wait() says what became of it.
 * IO must not have been freed: call this only while IO is the queue's, or keep its memory.
 * Returns 0, also where IO has ended. Errors: -EINVAL (never submitted). Never blocks; any thread,
 * callbacks included.
 */
int weir_io_cancel(struct weir_queue *q, struct weir_io *io);

/*
 * A file descriptor that polls readable when the calling thread's lane has something to do
 * (completions, staged ios, a timer of the scheduler): call weir_queue_poll() then, and again
 * after every batch of submissions. The kernel may interrupt epoll_wait() or poll(2) with EINTR
 * when an io of a ring ends: poll the queue then, too. Belongs to the queue; valid until detach or
 * close. Errors: -EPERM (owns none and none is free), -EMFILE.
 */
int weir_queue_fd(struct weir_queue *q);

/* A piece of work for a lane's owner. The caller owns it until FN is called. */
struct weir_task {
	void (*fn)(struct weir_task *task); /* runs like an `end`: same rules */
	void *user;
	uint64_t priv[2]; /* the queue's own, from weir_queue_post() until FN is called */
};

/*
 * Has the owner of lane LANE call TASK->fn once, at the top level of its loop, after all tasks that
 * were posted before. The memory of TASK must not move until fn is called, and belongs to fn then.
 * Errors: -EINVAL (no such lane). Never blocks; any thread, callbacks included.
 */
int weir_queue_post(struct weir_queue *q, uint32_t lane, struct weir_task *task);

/*
 * Registers LENGTH bytes at BASE with every lane: ios whose memory is registered cost less. The
 * queue divides a range into pieces of at most 1 GiB, and there may be 1024 pieces. An io whose
 * memory goes from one piece into the next is split there. Registered memory counts against
 * RLIMIT_MEMLOCK once for each lane.
 *
 * Each lane registers the range on its next turn. A lane that cannot goes on without it, and
 * weir_queue_get_buffer() says why. The caller's own lane registers at once, and its error is
 * returned; the range stays in the list even so. Ranges may overlap. If a range is registered
 * again, lanes that failed try once more; it must be unregistered as often. The memory must stay
 * mapped until it is unregistered or the queue is closed. Errors: -EINVAL, -ENOSPC (too many
 * pieces), -ENOMEM (RLIMIT_MEMLOCK, as a rule), -EFAULT (not mapped), -EOPNOTSUPP (the engine or
 * the kernel cannot). Any thread, callbacks included.
 */
int weir_queue_register(struct weir_queue *q, void *base, size_t length);

/*
 * Undoes one weir_queue_register() of exactly this range. Ios that are submitted afterwards do not
 * use the range. So the memory may be unmapped when this has returned and earlier ios on it have
 * ended. Its pages stay pinned until each lane has had a turn and its commands on the range have
 * ended; until then weir_queue_get_buffer() shows WEIR_BUFFER_LEAVING.
 * Never blocks. Errors: -ENOENT (not registered as one range). Any thread, callbacks included.
 */
int weir_queue_unregister(struct weir_queue *q, void *base, size_t length);

enum weir_buffer_state {
	WEIR_BUFFER_PENDING = 0,    /* a lane has not had its turn, or no lane has an owner */
	WEIR_BUFFER_REGISTERED = 1, /* on every lane that has an owner */
	WEIR_BUFFER_PARTLY = 2,	    /* on some lanes; others failed */
	WEIR_BUFFER_FAILED = 3,	    /* on no lane: ios work, unregistered */
	WEIR_BUFFER_LEAVING = 4,    /* unregistered, but a lane still has it */
};

/* A registered range. Start from WEIR_BUFFER_INIT. */
struct weir_buffer {
	size_t size;
	void *base;
	uint64_t length;
	uint32_t state;	 /* enum weir_buffer_state */
	uint32_t pieces; /* of at most 1 GiB */
	uint32_t users;	 /* how often it is registered */
	/* These count lanes that have an owner. A lane that failed on one piece may have others. */
	uint32_t lanes_registered, lanes_failed, lanes_pending;
	int32_t error;	  /* -errno of the first lane that failed, else 0 */
	char reason[160]; /* the same in words, else "" */
};

#define WEIR_BUFFER_INIT WEIR_INIT_SIZED(struct weir_buffer)

/*
 * Fills in BUFFER for registered range number INDEX (0, 1, 2 ...; numbers move as ranges come and
 * go). -ENOENT: there are no more. Any thread, at any time.
 */
int weir_queue_get_buffer(struct weir_queue *q, size_t index, struct weir_buffer *buffer);

/* Sets the number of driver tags of every lane, 1 to the depth at open. Any thread. */
int weir_queue_set_depth(struct weir_queue *q, uint32_t depth);
/* Sets the limit on bytes in flight of every lane, at least 1. Any thread. */
int weir_queue_set_depth_bytes(struct weir_queue *q, uint64_t depth_bytes);

/*
 * Attributes carry sysfs's names and units (/sys/block/X/queue): "scheduler", "nr_requests",
 * "nomerges", "max_sectors_kb", facts about the device, and the tunables of the scheduler that is
 * in use, alone ("read_expire") or as sysfs has them ("iosched/read_expire").
 *
 * sysfs has no "one_sched", which counts for schedulers that have an instance on each lane and keep
 * an order (kyber and pace): 1 gives them one instance for all lanes, on the home lane, 0 does not,
 * and 2, the default, does while the scheduler knows weights (pace) and a submitter has another
 * weight than 100, or a group: what one has compared with others then holds over all lanes.
 */
enum weir_attr_flags {
	WEIR_ATTR_READ_ONLY = 1 << 0,
	WEIR_ATTR_IOSCHED = 1 << 1, /* a tunable of the scheduler; the others are the queue's */
};

/* An attribute: a whole number from MIN to MAX. Strings are static. Start from
 * WEIR_ATTR_INIT. */
struct weir_attr {
	size_t size; /* sizeof(struct weir_attr) */
	const char *name;
	const char *unit;    /* "ms", "ns", "requests", "bool" ... */
	const char *summary; /* what it changes, in one line */
	int64_t min, max, def;
	uint32_t flags; /* enum weir_attr_flags */
};

#define WEIR_ATTR_INIT WEIR_INIT_SIZED(struct weir_attr)

/*
 * Describes attribute number INDEX (0, 1, 2 ...; "scheduler" is not among them, since it is no
 * number). -ENOENT: there are no more. Any thread.
 */
int weir_queue_get_attr(struct weir_queue *q, size_t index, struct weir_attr *attr);

/*
 * Sets attribute NAME to VALUE while the queue runs. Lanes take it over on their next turn, the
 * caller's own at once. Setting "nr_requests" resets async_depth; under "none" it sets the depth.
 *
 * Setting "scheduler" switches: the old scheduler finishes the requests that exist, ios that are
 * submitted meanwhile wait (WEIR_IO_NOWAIT: -EAGAIN), and then the new one continues with its
 * default values. This happens in the background, while lanes are polled or run by workers; an idle
 * queue has switched on return. No io is lost or done twice. Where "one_sched", a weight or a group
 * gives the scheduler one instance or takes it, the same happens, but what was set stays.
 *
 * VALUE is a number as sysfs reads it: decimal, 0x10, 010. If the unit is "bytes", "KiB" or
 * "sectors" (of 512 bytes) it may be a size, too ("4k", "8MiB"), and if it is "ns", "us" or "ms" a
 * time ("2ms", "1.5s"): then it must be a whole number of the unit. A value out of range is changed
 * as the kernel's sysfs changes it; weir_queue_get() tells the result, a plain number. A tunable
 * gets the nearest value of its range (struct weir_attr). "nr_requests" below its minimum gets the
 * minimum; "nomerges" above 2 becomes 1; "max_sectors_kb" above its default, or 0, becomes the
 * default.
 *
 * Errors: -ENOENT (no such attribute), -EINVAL (no such number, size or time; below 0, but for the
 * tunables of mq-deadline and deadline; "nr_requests", "depth", "depth_bytes" and "one_sched"
 * above, and all but "nr_requests" below their range; no such scheduler), -EPERM (read-only),
 * -EBUSY (a tunable, while a switch is under way), -ENOMEM. Any thread.
 */
int weir_queue_set(struct weir_queue *q, const char *name, const char *value);

/*
 * Writes attribute NAME as text to VALUE, at most SIZE bytes with the final 0. "scheduler" gives
 * all names, the one in use in brackets. What a scheduler has learned (read-only tunables) is at
 * most 100 ms old while a lane works; the caller's own lane tells what it knows now. Errors:
 * -ENOENT, -ENOSPC. Any thread.
 */
int weir_queue_get(struct weir_queue *q, const char *name, char *value, size_t size);

/* A state older than this is refused: drives age, and others may lie below by then. */
#define WEIR_STATE_DAYS 30

/*
 * Writes what the schedulers of Q have learned of the device to TEXT, for weir_queue_load_state():
 * some lines of text with a final 0, SIZE bytes at most. *LENGTH becomes their number without the
 * 0, also if TEXT is too short (-ENOSPC), and may be NULL. What another thread's lane has learned
 * is at most 100 ms old, as with weir_queue_get(). The state is as old as the one that was loaded
 * if nothing was learned since. Errors: -EOPNOTSUPP (the scheduler learns
 * nothing that could be kept), -ENODATA (it has learned nothing yet), -ENOSPC, -ENOMEM. Never
 * blocks; any thread.
 */
int weir_queue_save_state(struct weir_queue *q, char *text, size_t size, size_t *length);

/*
 * Has the schedulers of Q begin with the state that LENGTH bytes of TEXT tell, so that they need
 * not search. They go on learning from there. Tunables stay as they are set. Lanes take it over on
 * their next turn, the caller's own at once. TEXT may be anything: what is no whole state of this
 * scheduler, for this device, is refused, and nothing changes then. Two files on one disk count as
 * one device. Errors: -EINVAL (no state, a damaged one, or one of another scheduler, of another
 * device or of another number of lanes), -EPROTONOSUPPORT (another version of weir wrote it),
 * -ESTALE (it is older than WEIR_STATE_DAYS, or from the future), -EOPNOTSUPP (the scheduler learns
 * nothing that could be kept), -EBUSY (a switch to another scheduler is under way), -ENOMEM;
 * weir_error() says which. Never blocks; any thread.
 */
int weir_queue_load_state(struct weir_queue *q, const char *text, size_t length);

/*
 * Sets SUBMITTER's share compared with others, from 1 to 1000 (default 100), in schedulers that
 * have weights: bfq and pace. With several lanes, the first weight gives pace one instance for all
 * lanes ("one_sched"): as with a switch of the scheduler (weir_queue_set()), ios wait until each
 * lane that has an owner has had a turn. Set the first weight before threads attach, or where all
 * poll. Errors: -EINVAL, -EOPNOTSUPP (the scheduler has none), -ENOSPC; -ENOMEM and those of
 * starting a thread (the weight is set, and holds within each lane). Any thread.
 */
int weir_queue_submitter_set_weight(struct weir_queue *q, uint32_t submitter, uint32_t weight);

/*
 * Puts SUBMITTER into GROUP, the number of another submitter: ios that it submits from now on count
 * as GROUP's. All members together have the turns, the tags and the weight
 * (weir_queue_submitter_set_weight(q, GROUP, ...)) of one submitter, however many they are: so a
 * tenant with many sessions gets no more than one with a single session. Within a group ios go in
 * the order in which they come. The weight of a member itself does not count; its priority policy
 * does. GROUP == SUBMITTER takes it out again: who is in no group is one by itself, so GROUP is a
 * member of its own group unless it was put into another one. Groups have no groups: if GROUP is in
 * another one, that is for its own ios only. Schedulers that know no submitters decide as before.
 * With several lanes, the first group gives pace one instance for all lanes, as a weight does. So
 * do what is said there, and the errors: -ENOSPC (4096 submitters have settings); -ENOMEM and those
 * of starting a thread (members count together within each lane). Any thread.
 */
int weir_queue_submitter_set_group(struct weir_queue *q, uint32_t submitter, uint32_t group);

/* How the priority of a submitter's ios is changed (the policies of the kernel's blk-ioprio). */
enum weir_queue_policy {
	WEIR_QUEUE_POLICY_NO_CHANGE = 0,
	WEIR_QUEUE_POLICY_PROMOTE_TO_RT = 1,  /* class RT level 4, unless it is RT already */
	WEIR_QUEUE_POLICY_RESTRICT_TO_BE = 2, /* RT and no class become BE level 0 */
	WEIR_QUEUE_POLICY_IDLE = 3,	      /* class IDLE, always */
};

/*
 * Sets the policy for the ios that SUBMITTER submits from now on. Errors: -EINVAL, -ENOSPC (4096
 * submitters have settings). Any thread.
 */
int weir_queue_submitter_set_policy(struct weir_queue *q, uint32_t submitter,
				    enum weir_queue_policy policy);

/*
 * Tells Q that SUBMITTER will have no more ios, after its last one has ended: the scheduler frees
 * what it has learned about it, and does not wait for its next io. Its weight and policy stay, and
 * a later io of the same number begins anew. Lanes do so on their next turn. Programs with a fixed
 * set of submitters need not call it. Errors: -ENOMEM. Never blocks; any thread, callbacks
 * included.
 */
int weir_queue_submitter_gone(struct weir_queue *q, uint32_t submitter);

/* Statistics of one kind of io, all lanes together, since the queue was opened. Start from
 * WEIR_OP_STATS_INIT. */
struct weir_op_stats {
	size_t size;	/* sizeof(struct weir_op_stats) */
	uint64_t ios;	/* ended, errors included */
	uint64_t bytes; /* of the ios that ended well */
	uint64_t errors;
	struct weir_latency wait;   /* submitted -> handed to the engine, by request */
	struct weir_latency device; /* handed to the engine -> completed, by request */
};

#define WEIR_OP_STATS_INIT WEIR_INIT_SIZED(struct weir_op_stats)

/*
 * Fills in STATS of the ios whose operation is OP. Errors: -EINVAL (no such operation, or STATS
 * does not start from its initialiser), -ENOMEM. Any thread, at any time.
 */
int weir_queue_get_op_stats(struct weir_queue *q, enum weir_op op, struct weir_op_stats *stats);

/* Statistics of a queue, all lanes together, since it was opened. */
struct weir_queue_stats {
	size_t size;
	uint64_t requests;	    /* commands given to the engine */
	uint64_t splits;	    /* commands beyond the first of an io */
	uint64_t back_merges;	    /* ios that were merged at the end of a request ... */
	uint64_t front_merges;	    /* ... at its beginning ... */
	uint64_t discard_merges;    /* ... or as one more range of a discard */
	uint64_t request_merges;    /* requests that were merged when a gap closed */
	uint64_t bounced;	    /* commands whose memory was not aligned */
	uint64_t registered;	    /* commands on registered buffers */
	uint64_t register_failures; /* lanes x ranges that could not be registered */
	uint64_t tag_waits;	    /* times an io had to wait for a tag */
	uint64_t requeues;  /* commands that the engine refused, and that were offered again */
	uint64_t resubmits; /* short or interrupted commands that were continued */
	uint64_t batches;   /* submissions to the engine */
	uint64_t sleeps;    /* times an owner went to sleep */
	uint64_t wakeups;   /* times a submitter woke an owner */
	uint64_t in_flight; /* now */
	uint64_t in_flight_bytes;
	uint64_t retried_merges; /* merged commands that failed, and whose ios were tried alone */
};

#define WEIR_QUEUE_STATS_INIT WEIR_INIT_SIZED(struct weir_queue_stats)

/*
 * Fills in STATS. Any thread, at any time; the figures of a running queue are each true but need
 * not agree with one another.
 */
int weir_queue_get_stats(struct weir_queue *q, struct weir_queue_stats *stats);

/* Statistics of the writes with one placement id, all lanes together, since the queue was opened.
 */
struct weir_placement_stats {
	size_t size;
	uint32_t id; /* struct weir_io's placement */
	uint32_t reserved;
	uint64_t ios;	/* writes that ended, errors included */
	uint64_t bytes; /* of those that ended well */
	uint64_t errors;
};

#define WEIR_PLACEMENT_STATS_INIT WEIR_INIT_SIZED(struct weir_placement_stats)

/*
 * Fills in STATS of placement id number INDEX (0, 1, 2 ..., by ascending id). Writes that name no
 * id count for id 0. Errors: -ENOENT (there are no more; a device without FDP has none). Any
 * thread, at any time.
 */
int weir_queue_get_placement_stats(struct weir_queue *q, size_t index,
				   struct weir_placement_stats *stats);

/* Facts about a queue. Strings are static or live as long as the queue. */
struct weir_queue_info {
	size_t size;
	const char *engine;	/* its name */
	const char *engine_why; /* why this engine was taken, and how it is set up */
	const char *scheduler;
	uint32_t lanes, depth, nr_requests;
	uint64_t depth_bytes, max_io_bytes;
	uint32_t max_segments;
	uint32_t deadlines; /* 1: the scheduler heeds weir_io.deadline_ns */
};

#define WEIR_QUEUE_INFO_INIT WEIR_INIT_SIZED(struct weir_queue_info)

/* Fills in INFO. Any thread. */
int weir_queue_get_info(struct weir_queue *q, struct weir_queue_info *info);

/* Returns the device that Q was opened on. Any thread. */
struct weir_device *weir_queue_device(struct weir_queue *q);

#ifdef __cplusplus
}
#endif
#endif
