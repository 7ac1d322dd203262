/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store.h - the parts of a store, and what the files with the public calls share.
 *
 * Everything in struct weir_store that can change belongs to the loop of lane 0 of its queue.
 * Recovery fills it in before that loop knows the store. There are no locks. The functions declared
 * here run on the loop unless they say otherwise.
 */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include <weir/store.h>

#include "base/error.h"
#include "store/io/io.h"
#include "store/log/log.h"
#include "store/recover/recover.h"
#include "store/scrub.h"

/* The kind of all operations that programs cannot submit. They take the same way to the loop and
 * back. */
#define OP_INNER 100u

/* The `private` of an OP_INNER points to this. The loop calls RUN, which must see to it that OP
 * ends. */
struct inner_op {
	void (*run)(struct weir_store *s, struct weir_store_op *op);
};

/* How a store is closed. Owned by turn.c. */
struct store_closing {
	struct weir_store_op *op; /* the closing operation; NULL: the store is not being closed */
	struct weir_task task;
	bool posted;
	bool quiet;	 /* it ends when the store is idle, and the store goes on */
	bool watched;	 /* `failed` is known */
	uint64_t begun;	 /* operations that had begun when the task was posted */
	uint64_t failed; /* operations that had failed when closing began */
};

/* Asks when a store is idle. */
struct quiet_question {
	struct inner_op inner; /* first */
	uint64_t begun;	       /* the answer: operations that had begun, this one too */
};

/* Who opened a store, and what must be closed with it. Never changes after opening. */
struct store_owner {
	bool own;    /* device and queue are the store's */
	bool keeps;  /* what the scheduler learns outlives the store (learned.c) */
	bool detach; /* the opening thread became the owner of lane 0 by opening */
	uint32_t process;
	struct weir_store *next_kept; /* in a list of close.c's, in a child of fork() */
};

/* Operations that are to end before they have begun. Owned by cancel.c. */
struct store_cancel {
	struct weir_task task;
	uint32_t posted; /* atomic; 1: the task is posted */
};

struct store_reads {
	uint64_t rereads, checksum_errors;
	LIST_HEAD(, read_req) timed;  /* with a deadline */
	LIST_HEAD(, read_drop) drops; /* of damaged entries */
};

/* When operations end whose deadline comes. Owned by deadline.c. */
struct store_deadlines {
	struct weir_task task;
	uint64_t next; /* when the loop runs the task, loop_now(); UINT64_MAX: never */
};

struct store_tenants {
	struct weir_store_op *op; /* the operation that the superblock is changed for; NULL: none */
	struct op_list waiting;
};

/* When the superblock is told what was spent of the write budget. Owned by budget.c. */
struct store_budget {
	struct weir_store_op op;
	struct inner_op inner;
	bool ending; /* the last time has begun */
};

struct store_parts;

struct weir_store {
	struct store_io io;
	struct store_parts *parts; /* of a store on several devices (parts.h); NULL: it has one */
	struct logs *logs;
	struct recover_counts recovered;
	struct store_owner owner;
	struct store_reads reads;
	struct store_tenants tenants;
	struct store_closing closing;
	struct store_cancel cancel;
	struct store_scrub scrub;
	struct answers *answers;  /* answer.c's; NULL: nobody is answered */
	const char *control_path; /* of the socket; NULL: none */
	char control_why[512];	  /* why there is none, if one was wanted */
	struct store_deadlines deadlines;
	struct store_budget budget;
	uint32_t setting; /* atomic: a thread changes a setting of all parts (parts_setting.c) */
};

/* turn.c */
/* Runs the turn of the store that IO belongs to. Called after each event. */
void store_turn(struct store_io *io);
/* Closes the store: OP ends when nothing else is under way. */
void store_close_when_idle(struct weir_store *s, struct weir_store_op *op);
/* Part of closing: OP, a quiet_question, ends when nothing else is under way. */
void store_quiet_when_idle(struct weir_store *s, struct weir_store_op *op);
/* Returns true if anything of the store's own is under way. */
bool store_busy(const struct weir_store *s);

/* read.c */
void read_get(struct weir_store *s, struct weir_store_op *op);
void read_exists(struct weir_store *s, struct weir_store_op *op);
/* Ends the gets whose deadline has come at NOW. *NEXT becomes the earliest deadline of the others,
 * unless it is earlier. */
void read_withdraw(struct weir_store *s, uint64_t now, uint64_t *next);

/* deadline.c */
void deadline_init(struct weir_store *s);
/* Returns true if the deadline of OP, which begins now, has come. Otherwise it is watched. */
bool deadline_is_over(struct weir_store *s, const struct weir_store_op *op);
/* Forgets all deadlines: no operation is left. */
void deadline_stop(struct weir_store *s);

/* exists.c, any thread */
/* Returns 0 if the N keys can be keys, or -EINVAL and sets weir_error(). */
int exists_check_keys(const struct weir_store_key *keys, size_t n);
/* Sets weir_error() for -EAGAIN, and returns it. */
int exists_try_again(void);
/* Counts a call that has looked up N keys and found values of LENGTHS, 0 for a miss. */
void exists_count(struct weir_store *s, const struct weir_store_key *keys, size_t n,
		  const uint64_t *lengths);

/* budget.c */
/* Returns true if the superblock should be told what was spent of the write budget. */
static inline bool budget_is_due(const struct weir_store *s)
{
	return wear_is_due(&s->io.wear) && !s->io.read_only && !s->io.broken;
}

/* Tells the superblock. Called in the turn. */
void budget_save(struct weir_store *s);
/* Tells it for the last time. Returns false if that has begun already, or need not be done. */
bool budget_end(struct weir_store *s);

/* list.c, any thread */
/* What a listing did. */
struct list_result {
	struct weir_store_list_counts counts;
	int hides; /* -EIO or -EBADMSG: some keys were not listed; 0: all were */
	char words[ERROR_BYTES + 256]; /* for weir_error() then */
};
/* Lists S as weir_store_list_counted() does, and returns 0 also if keys are hidden: RESULT says
 * it. */
int list_all(struct weir_store *s, const struct weir_list_opts *opts,
	     int (*fn)(const struct weir_store_entry *entry, void *user), void *user,
	     struct list_result *result);

/* tenant.c */
void tenant_init(struct weir_store *s);

/* submit.c, any thread */
/* Hands OP over to the loop. OP has passed op_check(). */
int op_post(struct weir_store *s, struct weir_store_op *op);
/* Hands OP over as an inner operation: the loop calls the function in INNER. */
int op_post_inner(struct weir_store *s, struct weir_store_op *op, struct inner_op *inner);
/* Operations that the loop gets together. */
struct op_chain {
	struct weir_store_op *first, *last;
};
/* Adds OP, which has passed op_check(), to CHAIN; NOW is clock_now(). */
void op_chain_add(struct op_chain *chain, struct weir_store *s, struct weir_store_op *op,
		  uint64_t now);
/* Hands CHAIN over. */
void op_chain_post(struct op_chain *chain, struct weir_store *s);
/* Begins OP, an operation of the store's own, at once. The loop's thread. */
void op_run_here(struct weir_store *s, struct weir_store_op *op);
/* Returns 0, or -ECHILD with words if S was inherited over fork(). */
int store_check_process(const struct weir_store *s);
/* Returns 0, or the reason why OP cannot be submitted; sets weir_error(). */
int op_check(struct weir_store *s, const struct weir_store_op *op);

/* stats.c */
/* Fills in USER, a struct weir_store_stats, about S, which is on one device. Runs on its loop. */
int stats_fill(struct weir_store *s, void *user);

/* parts_submit.c, any thread */
/* Checks OP, finds the part that it belongs to, and hands it over. Returns 0 or -errno with
 * words. */
int op_submit(struct weir_store *s, struct weir_store_op *op);
/* Hands over N operations, those of a part in one chain. Operations that cannot be submitted end
 * here, with the reason as their result. */
void op_submit_many(struct weir_store *s, struct weir_store_op *ops, size_t n);

/* wait.c, any thread */
/* Runs FN on the loop and returns its result. Returns -EDEADLK inside a callback. */
int wait_call(struct weir_store *s, int (*fn)(struct weir_store *s, void *user), void *user);
/* Returns 0 if the caller may block: -EDEADLK inside a callback, and the result of
 * store_check_process() unless S is NULL. */
int wait_allowed(const struct weir_store *s);
/* Blocks until OP has ended. Returns its result. */
int wait_op(struct weir_store *s, struct weir_store_op *op);
/* Submits an inner operation with INNER, and blocks until it has ended. Returns its result. */
int wait_inner(struct weir_store *s, struct inner_op *inner);

#endif
