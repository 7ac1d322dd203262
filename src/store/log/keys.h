/* SPDX-License-Identifier: Apache-2.0 */
/*
 * keys.h - keys that have an operation under way, and the log that each belongs to.
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

/* Pending operations of some keys, oldest first; linked through s_private. */
struct keys_pending {
	struct weir_store_op *first, *last;
};

struct keys {
	struct rec *admitted[KEYS_ADMITTED_BUCKETS]; /* not published; linked through chain */
	struct keys_pending pending[KEYS_PENDING_BUCKETS];
};

/* The log that OP, a put or delete, belongs to: the one where its key lives or is about to. */
struct log *keys_choose_log(struct logs *ls, const struct weir_store_op *op);
/* Records OP's key as pending in L. */
void keys_add_pending(struct keys *k, struct weir_store_op *op, const struct log *l);
/* Removes it. */
void keys_remove_pending(struct keys *k, struct weir_store_op *op);
/* The newest admitted record of HASH that is not published, or NULL. */
struct rec *keys_find_admitted(const struct keys *k, const uint64_t hash[2]);
void keys_add_admitted(struct keys *k, struct rec *r);
void keys_remove_admitted(struct keys *k, struct rec *r);

#endif
