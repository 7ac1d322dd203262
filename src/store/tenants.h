/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tenants.h - how a part of a store is asked for the stream of a tenant.
 */
#ifndef STORE_TENANTS_H
#define STORE_TENANTS_H

#include "store/store.h"

#define TENANT_ANY_STREAM UINT32_MAX

/* The thread that asks owns it; the loop fills in the answer. */
struct tenant_question {
	struct inner_op inner; /* first; its function is tenant_run() */
	uint64_t id;	       /* the low half of the identity of the name */
	const char *name;
	uint32_t length; /* of the name */
	uint32_t wanted; /* the stream of a new tenant; TENANT_ANY_STREAM: the part chooses */
	bool replace;	 /* a tenant that is known gets the stream that is wanted, too */
	uint32_t stream; /* the answer */
	bool created;
};

void tenant_run(struct weir_store *s, struct weir_store_op *op);

/* Asks a part to note the share of a stream. */
struct share_question {
	struct inner_op inner; /* first; its function is tenant_run_share() */
	uint32_t stream, percent;
	bool make; /* the part gets the stream if it has none */
};

void tenant_run_share(struct weir_store *s, struct weir_store_op *op);

/* Asks a part to write another write budget to its superblock. */
struct budget_question {
	struct inner_op inner; /* first; its function is budget_run_set() */
	uint64_t bytes;	       /* a day */
};

void budget_run_set(struct weir_store *s, struct weir_store_op *op);

/* Asks a part to write other marks to its superblock. */
struct marks_question {
	struct inner_op inner; /* first; its function is in parts_marks.c */
	uint32_t low, high;    /* as weir_store_format_opts has them */
};

/* The superblock is changed by one operation, or by reclaiming, at a time. Returns true if OP must
 * wait: then its function is called again. */
bool tenant_waits(struct weir_store *s, struct weir_store_op *op);
/* Calls the functions of operations that waited, if the superblock can be changed now. */
void tenant_continue(struct weir_store *s);
/* Writes NEXT for OP, which ends after that. */
void tenant_write(struct weir_store *s, struct weir_store_op *op, const struct super *next);

#endif
