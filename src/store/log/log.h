/* SPDX-License-Identifier: Apache-2.0 */
/*
 * log.h - the logs of a store: keys, where their values are, and how they get there. The one
 * header of this folder that the others may include.
 *
 * The steps of the turn, and all that they call, run on the store's loop; recovery fills the logs
 * in before that loop knows the store. There are no locks.
 */
#ifndef STORE_LOG_H
#define STORE_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include <weir/fdp.h>
#include <weir/store.h>
#include <weir/tenant.h>

#include "store/io/io.h"
#include "store/log/index.h"
#include "store/log/segment.h"

struct log;
struct logs;

/* What logs did since the store was opened, and what is in them. */
struct log_counts {
	uint64_t entries, live_bytes, index_bytes;
	uint64_t evicted_entries, evicted_segments;
	uint32_t segments, free_segments;
};

/* Makes the logs of a store whose superblock was read: as many as it has streams. BATCH_BYTES is
 * the length of the largest batch. NULL: there is no memory. */
struct logs *logs_new(struct store_io *io, uint64_t batch_bytes);
void logs_free(struct logs *ls);
/* Sees to it that there are N logs: 0 or -ENOMEM. */
int logs_make(struct logs *ls, uint32_t n);
/* Recovery: all that is there is published, and SEQUENCE is the next record's. */
void logs_recovered(struct logs *ls, uint64_t sequence);
struct log *logs_of_stream(struct logs *ls, uint32_t stream);
struct segments *logs_segments(struct logs *ls);

/* Puts OP, a put or delete, behind the operations that wait for admission. */
void logs_append(struct logs *ls, struct weir_store_op *op);
/* The store closes: no segment is begun ahead any more. */
void logs_set_closing(struct logs *ls);

/* Begins a round of the turn: the steps work on the logs that have asked for it. */
void logs_begin_round(struct logs *ls);
/* The steps, in their order. */
void logs_publish(struct logs *ls); /* acknowledges batches that are written, in log order */
void logs_seal(struct logs *ls);    /* writes the footers of closed segments */
void logs_cancel(struct logs *ls);  /* ends pending operations that are to be cancelled */
void logs_admit(struct logs *ls);   /* gives pending operations their positions */
void logs_prepare(struct logs *ls); /* begins the segments that come next */
void logs_reclaim(struct logs *ls); /* frees the oldest segments, where space is missing */
/* Closes the open segments; the turn seals them. False: none is open. */
bool logs_close(struct logs *ls);
/* Is anything of a log under way? */
bool logs_busy(const struct logs *ls);

/* Finds HASH. */
bool logs_find(const struct logs *ls, const uint64_t hash[2], struct index_value *value);
/* The segment that VALUE is in. */
struct segment *logs_segment_of(const struct logs *ls, const struct index_value *value);
/* A read of SEG begins (ends): it is not written over meanwhile. */
void logs_pin(struct segment *seg);
void logs_unpin(struct segment *seg);
/* The segment of STREAM to go on in at *AT, which is moved to its first batch where it is before
 * that; NULL: none is left. */
struct segment *logs_next_segment(const struct logs *ls, uint32_t stream, struct logpos *at);

/* The index and the counts about it, for recovery. */
int entries_set(struct logs *ls, const uint64_t hash[2], const struct index_value *value);
bool entries_remove(struct logs *ls, const uint64_t hash[2]);
/* The log in which HASH lives, or NULL. */
struct log *entries_log(const struct logs *ls, const uint64_t hash[2]);
/* Does every segment and log count its entries right? Looks at the whole index. For tests. */
bool entries_check(const struct logs *ls);

/* Makes the footer of SEG from its entries, in memory of the pool; *BUF is NULL without. */
void seal_footer(struct store_io *io, const struct segment *seg, struct footer *f, void **buf);

void logs_count(const struct logs *ls, struct log_counts *counts);
/* Segments in use by STREAM. */
uint32_t logs_used_segments(const struct logs *ls, uint32_t stream);
/* Fills in INFO for STREAM, but for its tenants. */
void logs_describe(const struct logs *ls, uint32_t stream, struct weir_store_stream *info);

/* Has the drive at PATH, which says FDP of itself, placement ids? 0 or -EOPNOTSUPP; sets
 * weir_error(). Any thread. */
int log_placement_check_drive(const char *path, const struct weir_fdp *fdp);
/* Finds out which placement ids there are. WISH is an enum weir_placement. On the opening thread;
 * sets weir_error(). */
int log_placement_open(struct logs *ls, uint32_t wish);
/* Gives streams of SUPER that have none an id. */
void log_placement_assign(const struct logs *ls, struct super *super);
/* Tells the logs what the superblock says. */
void log_placement_apply(struct logs *ls);
/* Are streams placed? *WHY: why they are not, though the store is formatted for it; or NULL. */
bool log_placement_is_on(const struct logs *ls, const char **why);

#endif
