/* SPDX-License-Identifier: Apache-2.0 */
/*
 * impl.h - the parts of a store, and who calls whom.
 *
 * Everything in struct weir_store that can change belongs to the loop of lane 0 of its queue;
 * recovery fills it in before that loop knows the store. There are no locks. The functions
 * declared here run on the loop unless they say otherwise.
 */
#ifndef STORE_IMPL_H
#define STORE_IMPL_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include <weir/store.h>

#include "base/container.h"
#include "base/hist.h"
#include "store/format/batch.h"
#include "store/io/bufpool.h"
#include "store/format/footer.h"
#include "store/format/header.h"
#include "store/log/index.h"
#include "store/format/super.h"
#include "store/op_priv.h"
#include "store/io/superio.h"

struct weir_fdp;

/* Free segments kept in reserve: puts may not use them, so that deletes can still be written when
 * the store is full. */
#define SEGMENTS_RESERVED 2u
/* A flush goes out when so much was published since the last: within the 64 MiB that bound what
 * a recovery has to verify. */
#define FLUSH_EVERY_BYTES (48ull << 20)
/* Where flushes are slower than writes, admission waits here, so that the bound stays one. */
#define TAIL_MAX_BYTES (256ull << 20)
/* The header of a batch, at most: keys of a kilobyte make headers long. */
#define BATCH_HEADER_MAX (256u << 10)
#define BATCH_RECORDS_MAX 4096u
/* Headers of segments that may fail to be written before the store gives up writing. */
#define BEGIN_FAILURES_MAX 8u
/* Segments are begun so far ahead of the log's end, in bytes and in number, that it does not stop
 * for a header and a flush where segments are small. */
#define BEGIN_AHEAD_BYTES (32ull << 20)
#define BEGIN_AHEAD_MAX 8u
#define ADMITTED_BUCKETS 4096u
#define CLAIM_BUCKETS 1024u

/* The values of struct op_priv's `state`. */
enum op_state { OP_IDLE = 0, OP_PENDING = 1, OP_WAITED = 2, OP_DONE = 3 };

/* Kinds of operations that users cannot submit; they share the way to the loop and back. */
enum op_kind_inner {
	OP_LIST = 100,
	OP_CLOSE = 101,
	OP_TENANT = 102, /* which stream is a tenant's? */
	OP_CALL = 103,	 /* runs a function on the loop: struct loop_call */
};

/* The `private` of an OP_CALL: what FN returns is the operation's result. */
struct loop_call {
	int (*fn)(struct weir_store *s, void *user);
	void *user;
};

/* A FIFO of operations, linked through `next`. */
struct op_list {
	struct weir_store_op *first, **last;
};

static inline void op_list_init(struct op_list *l)
{
	l->first = NULL;
	l->last = &l->first;
}

static inline void op_list_add(struct op_list *l, struct weir_store_op *op)
{
	op_priv(op)->next = NULL;
	*l->last = op;
	l->last = &op_priv(op)->next;
}

static inline struct weir_store_op *op_list_pop(struct op_list *l)
{
	struct weir_store_op *op = l->first;

	if (op) {
		l->first = op_priv(op)->next;
		if (!l->first)
			l->last = &l->first;
	}
	return op;
}

/* Moves everything of FROM behind TO. */
static inline void op_list_join(struct op_list *to, struct op_list *from)
{
	if (!from->first)
		return;
	*to->last = from->first;
	to->last = from->last;
	op_list_init(from);
}

/* One io of the store's own. */
struct sio {
	struct weir_io io;
	struct weir_task refused; /* brings the error of an io that the queue did not take */
	struct weir_store *s;
	void (*done)(struct sio *sio, int result);
};

/* What an operation ends with where an io of it ended with RESULT, which is not 0. */
static inline int sio_error(int result)
{
	return result == -ENODEV ? result : -EIO;
}

/* Somebody inside the store who waits for a flush. */
struct flush_waiter {
	void (*fn)(struct flush_waiter *w, int result);
	STAILQ_ENTRY(flush_waiter) link;
};

STAILQ_HEAD(flush_list, flush_waiter);

enum segment_state {
	SEGMENT_FREE = 0,
	SEGMENT_BEGINNING, /* its header is on the way to the medium */
	SEGMENT_BEGUN,
	SEGMENT_OPEN,
	SEGMENT_CLOSED, /* takes no more; its footer is not there yet */
	SEGMENT_SEALED,
	SEGMENT_RECLAIMING,
	SEGMENT_RETIRED, /* its header could not be written */
};

struct segment {
	struct log *log; /* where it is, or is about to be; NULL: free */
	uint32_t number;
	uint8_t state;	   /* enum segment_state */
	bool failed;	   /* a batch of it could not be written */
	bool from_reserve; /* taken for a tombstone: puts wait until the reserve is whole */
	bool no_footer;
	bool conflicting; /* while it is recovered: see conflict.c */
	struct generation gen;
	uint32_t used;	  /* blocks given out: the next batch goes here */
	uint32_t end;	  /* blocks published */
	uint32_t readers; /* reads under way */
	uint32_t batches; /* writes under way */
	uint32_t records; /* admitted */
	uint32_t footer_blocks;
	struct disk_entry *entries; /* of the footer to be, while it is not sealed */
	uint32_t entries_room;
	TAILQ_ENTRY(segment) link; /* in the log, or on the free list */
	TAILQ_ENTRY(segment) sealing;
};

TAILQ_HEAD(segment_list, segment);

/* A record between admission and publication. */
struct rec {
	struct weir_store_op *op;
	struct log *log;
	struct rec *next;	  /* in its batch */
	struct rec *chain;	  /* in the table of what is admitted, newest first */
	struct op_list followers; /* deletes that found this tombstone under way */
	uint64_t sequence;
	uint64_t checksum;
	uint32_t block; /* of the payload, in the segment */
	uint32_t length;
	uint16_t flags; /* enum disk_record_flags */
};

struct batch {
	struct sio sio;
	STAILQ_ENTRY(batch) link;
	struct log *log;
	struct segment *seg;
	struct rec *first, **last;
	uint32_t count;
	uint32_t header_bytes;
	uint32_t payload_blocks;
	uint32_t block; /* of its header, in the segment */
	uint32_t blocks;
	uint32_t first_entry; /* of the segment's footer to be */
	uint8_t *buf;
	size_t buf_bytes;
	struct iovec *iov;
	bool ended;
	int result;
};

/* A segment that is being begun. */
struct begin_job {
	struct sio sio;
	struct flush_waiter flushed;
	struct log *log;
	struct segment *seg; /* NULL: none */
	void *buf;
};

/* The segment that is being sealed. */
struct seal_job {
	struct sio sio;
	struct flush_waiter flushed;
	struct log *log;
	struct segment *seg; /* NULL: none */
	void *buf;
	size_t buf_bytes;
};

/* The segment that is being reclaimed. */
struct reclaim_job {
	struct sio sio;
	struct flush_waiter flushed;
	struct log *log;
	struct segment *seg; /* NULL: none */
	void *buf;
	size_t buf_bytes;
	bool waits_for_readers;
};

/* Where a log lies on a drive with FDP. */
struct placing {
	struct sio sio; /* has the drive begin a new unit */
	struct log *log;
	bool placed;
	bool busy;
	bool fresh; /* a unit was begun, and nothing is in it */
	uint16_t id;
};

/* A change of the superblock. */
struct super_job {
	struct sio sio;
	struct flush_waiter flushed;
	struct weir_store *s;
	struct super next;
	unsigned first;	  /* copy to begin with: what failed last is the one that may be damaged */
	unsigned written; /* copies */
	void *buf;
	size_t buf_bytes;
	struct weir_store_op *op; /* who asked for it; NULL: none is under way */
	struct op_list waiting;
};

/* A FIFO of segments. */
struct log {
	struct weir_store *s;
	uint32_t stream;	      /* its place among the logs */
	struct segment_list segments; /* oldest first, the open one last */
	struct segment *open;
	struct segment_list ahead; /* empty; begun or being begun, oldest first */
	uint32_t ahead_count;
	struct op_list pending; /* puts and deletes that hold no position yet */
	struct weir_task admit;
	bool admit_posted;
	STAILQ_HEAD(, batch) batches; /* admitted, not published, in log order */
	struct segment_list sealing;  /* closed ones, oldest first */
	struct begin_job begin[BEGIN_AHEAD_MAX];
	struct seal_job seal;
	struct reclaim_job reclaim;
	struct placing placing;
	/* How far it got: all is published, or durable, before these. Bytes count since open. */
	struct logpos published, durable;
	struct logpos covers; /* published when the flush that runs was submitted */
	uint64_t admitted_bytes, published_bytes, flushing_bytes, durable_bytes;
	/* What lives in it now, and what was done since open. */
	uint64_t entries, live_bytes;
	uint64_t written_bytes, evicted_segments;
	uint32_t used_segments;
};

/* The one who flushes. */
struct flusher {
	struct sio sio;
	bool busy;
	bool wanted; /* nobody waits, but it is time */
	struct flush_list waiting, running;
	struct op_list ops_waiting, ops_running;
	uint64_t covers_puts;	 /* as of the submission of the flush that runs */
	uint64_t unflushed_puts; /* acknowledged as written, not yet covered */
};

/* Pending operations of some keys, oldest first; linked through `private`. */
struct claims {
	struct weir_store_op *first, *last;
};

struct weir_store {
	/* Never changes while the store is open. */
	struct weir_device *dev;
	struct weir_queue *q;
	bool own;    /* device and queue are the store's */
	bool detach; /* the opening thread became the owner of lane 0 by opening */
	bool read_only;
	bool discards;
	uint32_t process;	      /* that opened it */
	struct weir_store *next_kept; /* close.c's, in a child of fork() */
	int ring_lost;		      /* why the queue has lost its ring, errno; atomic */
	uint32_t memory_mask;
	uint64_t batch_bytes;
	struct super super;
	struct checksum_key checksum;

	/* The loop's. */
	const struct layout *lay; /* in super */
	int broken;		  /* 0, or what writes fail with until the store is reopened */
	int first_error;	  /* what broke it */
	struct index index;
	struct bufpool pool;
	struct segment *segments;
	struct segment_list free;
	uint32_t free_count;
	uint32_t reclaiming; /* on their way to be free */
	uint32_t begin_failures;
	struct log *logs[DISK_STREAMS];
	uint32_t nr_logs;
	struct claims claims[CLAIM_BUCKETS];
	struct super_job super_job;
	struct weir_fdp *fdp;  /* where streams are placed; else NULL */
	char placing_why[256]; /* why they are not, though the store is formatted for it; or "" */
	struct flusher flusher;
	struct rec *admitted[ADMITTED_BUCKETS];
	uint64_t sequence;    /* the next record's */
	uint64_t generations; /* counter of the last one given */
	uint64_t ops;	      /* submitted and not ended */
	uint64_t ios;
	struct weir_store_op *closing; /* the one that closes */
	struct weir_task closed;
	struct weir_store_stats stats;
	struct hist put_hist, get_hist;
};

/* aio.c */
/* Submits SIO (prepared with weir_io_*); DONE is called once, never from inside. */
void sio_submit(struct weir_store *s, struct sio *sio, void (*done)(struct sio *, int));

/* The same for a write of L's, counted. */
void log_submit(struct log *l, struct sio *sio, void (*done)(struct sio *, int));

/* flush.c */
void flush_init(struct weir_store *s);
/* W, or OP, is told when a flush has ended that was submitted from now on. OP's result becomes
 * the error, or RESULT where there is none. */
void flush_wait(struct weir_store *s, struct flush_waiter *w,
		void (*fn)(struct flush_waiter *, int));
void flush_wait_op(struct weir_store *s, struct weir_store_op *op, int result);
/* Somebody should flush. */
void flush_want(struct weir_store *s);
/* Submits the next flush if somebody waits and none runs. */
void flush_kick(struct weir_store *s);

/* logs.c */
/* Sees to it that there are N logs: 0 or -ENOMEM. */
int logs_make(struct weir_store *s, uint32_t n);
void logs_free(struct weir_store *s);
/* The log that OP, a put or delete, belongs to: the one where its key lives or is about to. */
struct log *logs_choose(struct weir_store *s, const struct weir_store_op *op);
/* OP is pending, or is no longer. */
void logs_claim(struct weir_store *s, struct weir_store_op *op, const struct log *l);
void logs_unclaim(struct weir_store *s, struct weir_store_op *op);
/* What waits for space or for a flush looks again. */
void logs_kick(struct weir_store *s);
void logs_publish(struct weir_store *s);
#define LOGS_FOREACH(s, l, i) for ((i) = 0; (i) < (s)->nr_logs && ((l) = (s)->logs[i], true); (i)++)

/* entries.c: the index, and what of it lives in which log */
int entries_set(struct weir_store *s, const uint64_t hash[2], const struct index_value *value);
bool entries_remove(struct weir_store *s, const uint64_t hash[2]);
bool entries_remove_at(struct weir_store *s, const uint64_t hash[2], uint64_t position);
/* Removes all of SEG; how many. Looks at the whole index. */
uint64_t entries_sweep(struct weir_store *s, const struct segment *seg);
/* The log in which HASH lives, or NULL. */
struct log *entries_log(struct weir_store *s, const uint64_t hash[2]);

/* admit.c: from pending operations to batches */
void log_init(struct log *l, struct weir_store *s, uint32_t stream);
void log_append(struct log *l, struct weir_store_op *op);
void log_kick(struct log *l);
/* The oldest pending operation of L, which is pending no longer; NULL: there is none. */
struct weir_store_op *log_pop(struct log *l);
/* The newest admitted record of HASH that is not published, or NULL. */
struct rec *admitted_find(struct weir_store *s, const uint64_t hash[2]);
void admitted_add(struct weir_store *s, struct rec *r);
void admitted_remove(struct weir_store *s, struct rec *r);

/* write.c: from a batch to the device */
void batch_submit(struct batch *b);
/* Fails every record of B and frees it. */
void batch_fail(struct batch *b, int result);

/* publish.c: from written batches to acknowledgements */
void batch_written(struct sio *sio, int result);
void log_publish(struct log *l);
/* Is there a failed write that no footer leaves out yet? */
bool publish_failing(const struct weir_store *s);

/* segment.c */
void segment_free_add(struct weir_store *s, struct segment *seg);
/* Sees to it that a segment is begun in time, and that the reserve is whole. */
void segment_prepare(struct log *l);
/* Makes the next segment that was begun the open one; NULL if none is ready. */
struct segment *segment_open_next(struct log *l);
/* Is a header on its way? */
bool segment_beginning(const struct log *l);
/* Room for footer entries: 0 or -ENOMEM. */
int segment_entries_reserve(struct segment *seg, uint32_t more);

/* seal.c */
/* SEG takes no more batches and is sealed once those that it has are written. */
void seal_close(struct log *l, struct segment *seg);
void seal_kick(struct log *l);
/* Makes the footer of SEG from its entries, in memory of the pool; *BUF is NULL without. */
void seal_footer(struct weir_store *s, const struct segment *seg, struct footer *f, void **buf);

/* reclaim.c */
/* Sees to it that MISSING segments beyond the reserve will be free. */
void reclaim_start(struct weir_store *s, uint32_t missing);
/* A read of SEG has ended. */
void reclaim_reader_gone(struct segment *seg);

/* read.c */
void read_get(struct weir_store *s, struct weir_store_op *op);
void read_exists(struct weir_store *s, struct weir_store_op *op);

/* list.c */
void list_step(struct weir_store *s, struct weir_store_op *op);

/* placing.c */
/* Has the drive at PATH, which says FDP of itself, placement ids? 0 or -EOPNOTSUPP. Any thread. */
int placing_check_drive(const char *path, const struct weir_fdp *fdp);
/* Finds out which placement ids there are; WISH is an enum weir_placement. On the opening thread.
 */
int placing_open(struct weir_store *s, uint32_t wish);
/* Gives streams of SUPER that have none an id. */
void placing_assign(struct weir_store *s, struct super *super);
/* Tells the logs what SUPER says. */
void placing_apply(struct weir_store *s, const struct super *super);
/* How many other streams have the id of L? */
uint32_t placing_sharing(const struct log *l);
/* May the next segment of L begin with a batch? If not L is kicked when it may. */
bool placing_ready(struct log *l);

/* tenant.c */
void tenant_init(struct weir_store *s);
void tenant_op(struct weir_store *s, struct weir_store_op *op);

/* ops.c */
/* OP has ended. It may not be touched after this. */
void op_end(struct weir_store *s, struct weir_store_op *op, int result);
/* ops.c, any thread: hands OP over. OP has passed op_check(), or is an inner one. */
int op_post(struct weir_store *s, struct weir_store_op *op);
/* ops.c, any thread: 0, or why OP cannot be submitted. */
int op_check(struct weir_store *s, const struct weir_store_op *op);

/* wait.c, any thread */
/* Runs FN on the loop and returns what it does; -EDEADLK inside a callback. */
int wait_call(struct weir_store *s, int (*fn)(struct weir_store *s, void *user), void *user);
/* -EDEADLK inside a callback; as store_check_process() for S, unless that is NULL. */
int wait_allowed(const struct weir_store *s);
/* 0, or -ECHILD with words where S was inherited over fork(). Any thread. */
int store_check_process(const struct weir_store *s);
/* Blocks until OP has ended. */
int wait_op(struct weir_store *s, struct weir_store_op *op);

/* words.c: IO, which OP needed, has failed. */
void words_note_io(struct weir_store_op *op, const struct weir_io *io);
/* words.c: OP ends with RESULT; notes what its words will need to know of S. */
void words_note(struct weir_store *s, struct weir_store_op *op, int result);
/* words.c: writes what the result of OP means to BUF. Any thread. */
void words_of(const struct weir_store_op *op, char *buf, size_t size);
/* words.c: the result of OP, which has ended; where it is an error, weir_error() says what it
 * means. Any thread. */
int words_set(struct weir_store *s, const struct weir_store_op *op);

/* close.c */
/* Writes nothing from now on. RESULT is why. */
void store_break(struct weir_store *s, int result);
/* Goes on with closing if that is under way and nothing else is. */
void close_check(struct weir_store *s);

/* recover.c; before the loop knows the store, on the opening thread */
int recover_run(struct weir_store *s, const struct superio_found *supers);

#endif
