/* SPDX-License-Identifier: Apache-2.0 */
/*
 * keys.h - the keys of operations that are under way, and the log of each.
 */
#ifndef STORE_LOG_KEYS_H
#define STORE_LOG_KEYS_H

#include <stdint.h>

#include <weir/store.h>

struct log;
struct logs;
struct rec;

#define KEYS_ADMITTED_BUCKETS 4096u
#define KEYS_PENDING_BUCKETS 1024u

/* The pending operations of the keys in one bucket, oldest first, linked through `private`. */
struct keys_pending {
	struct weir_store_op *first, *last;
};

struct keys {
	struct rec *admitted[KEYS_ADMITTED_BUCKETS]; /* records that are not published, linked
							through `chain` */
	struct keys_pending pending[KEYS_PENDING_BUCKETS];
};

/* Returns the log for OP, a put or delete: the one where its key lives or is about to live. */
struct log *keys_choose_log(struct logs *ls, const struct weir_store_op *op);
/* Notes that OP's key is pending in L. */
void keys_add_pending(struct keys *k, struct weir_store_op *op, const struct log *l);
/* Notes that OP's key is no longer pending. */
void keys_remove_pending(struct keys *k, struct weir_store_op *op);
/* Returns the newest record of HASH that is admitted and not published, or NULL. */
struct rec *keys_find_admitted(const struct keys *k, const uint64_t hash[2]);
void keys_add_admitted(struct keys *k, struct rec *r);
void keys_remove_admitted(struct keys *k, struct rec *r);

#endif
