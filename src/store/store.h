/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store.h - what the public calls of a store share.
 *
 * Everything in struct weir_store that can change belongs to the loop of lane 0 of its queue;
 * recovery fills it in before that loop knows the store. There are no locks. The functions
 * declared here run on the loop unless they say otherwise.
 */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <weir/store.h>

#include "store/io/io.h"
#include "store/log/log.h"
#include "store/recover/recover.h"

/* The kind of operations that programs cannot submit; they share the way to the loop and back. */
#define OP_INNER 100u

/* The `private` of an OP_INNER: RUN is called on the loop, and sees to it that OP ends. */
struct inner_op {
	void (*run)(struct weir_store *s, struct weir_store_op *op);
};

/* The end of a store. */
struct store_closing {
	struct weir_store_op *op; /* the operation that closes; NULL: nobody does */
	struct weir_task task;
	bool posted;
	uint64_t begun; /* operations, when it was posted */
};

/* Who opened a store, and what goes with it. Never changes. */
struct store_owner {
	bool own;    /* device and queue are the store's */
	bool detach; /* the opening thread became the owner of lane 0 by opening */
	uint32_t process;
	struct weir_store *next_kept; /* turn.c's, in a child of fork() */
};

/* cancel.c: operations that are to end before they have begun. */
struct store_cancel {
	struct weir_task task;
	uint32_t posted; /* atomic: the task is */
};

struct store_reads {
	uint64_t rereads, checksum_errors;
};

struct store_tenants {
	struct weir_store_op *op; /* for which the superblock is changed; NULL: none */
	struct op_list waiting;
};

struct weir_store {
	struct store_io io;
	struct logs *logs;
	struct recover_counts recovered;
	struct store_owner owner;
	struct store_reads reads;
	struct store_tenants tenants;
	struct store_closing closing;
	struct store_cancel cancel;
};

/* turn.c */
/* What the store does after each event. IO is the store's. */
void store_turn(struct store_io *io);
/* Ends with OP, once nothing else is under way. */
void store_close_when_idle(struct weir_store *s, struct weir_store_op *op);
/* Is anything of the store's own under way? */
bool store_busy(const struct weir_store *s);

/* read.c */
void read_get(struct weir_store *s, struct weir_store_op *op);
void read_exists(struct weir_store *s, struct weir_store_op *op);

/* tenant.c */
void tenant_init(struct weir_store *s);

/* submit.c, any thread */
/* Hands OP over. OP has passed op_check(). */
int op_post(struct weir_store *s, struct weir_store_op *op);
/* Has the loop call INNER's function with OP. */
int op_post_inner(struct weir_store *s, struct weir_store_op *op, struct inner_op *inner);
/* Hands over N operations in one chain. Those that cannot be submitted have ended. */
void op_post_many(struct weir_store *s, struct weir_store_op *ops, size_t n);
/* 0, or -ECHILD with words where S was inherited over fork(). */
int store_check_process(const struct weir_store *s);
/* 0, or why OP cannot be submitted. */
int op_check(struct weir_store *s, const struct weir_store_op *op);

/* wait.c, any thread */
/* Runs FN on the loop and returns what it does; -EDEADLK inside a callback. */
int wait_call(struct weir_store *s, int (*fn)(struct weir_store *s, void *user), void *user);
/* -EDEADLK inside a callback; as store_check_process() for S, unless that is NULL. */
int wait_allowed(const struct weir_store *s);
/* Blocks until OP has ended. */
int wait_op(struct weir_store *s, struct weir_store_op *op);
/* The same for an inner operation that INNER runs. */
int wait_inner(struct weir_store *s, struct inner_op *inner);

#endif
