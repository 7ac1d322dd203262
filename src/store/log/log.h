/* SPDX-License-Identifier: Apache-2.0 */
/*
 * log.h - the logs of a store: which keys there are, where their values are, and how values get
 * there. Other folders may include only this header of the folder.
 *
 * The steps of the turn run on the store's loop. Recovery fills the logs in before that loop knows
 * the store. There are no locks.
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
#include "store/log/leave.h"
#include "store/log/segment.h"

struct log;
struct logs;

/* What the logs hold, and what they did since the store was opened. */
struct log_counts {
	uint64_t entries, live_bytes, index_bytes, ghost_bytes;
	uint64_t evicted_entries, evicted_segments, damaged_entries;
	uint64_t survivors, survivor_bytes;
	uint64_t writing_bytes, put_waits;
	uint64_t refused, refused_bytes;
	uint32_t segments, free_segments;
	uint64_t sealed_bytes, unused_bytes;
	uint64_t background_reclaims, inline_reclaims;
	const struct hist *space_wait;
	uint64_t aside_segments, aside_bytes;
};

/* Makes the logs of a store whose superblock was read, one for each stream. BATCH_BYTES is the
 * length of the largest batch. Returns NULL if there is no memory. */
struct logs *logs_new(struct store_io *io, uint64_t batch_bytes);
/* Makes the table of keys that left, as OPTS ask for it. Returns 0 or -ENOMEM. */
int logs_remember(struct logs *ls, const struct weir_store_opts *opts);
/* Makes the table of keys that were seen, which a write budget needs. Returns 0 or -ENOMEM. */
int logs_ration(struct logs *ls);
/* Fills in WHY for the key with HASH. */
void logs_why(const struct logs *ls, const uint64_t hash[2], struct weir_store_why *why);
/* Returns why the key with HASH, which is not there, left: an enum weir_leave, or 0 if that is not
 * known. Any thread; a key that leaves at this moment may have its earlier reason. */
uint32_t logs_reason(const struct logs *ls, const uint64_t hash[2]);
/* Counts the keys that left since the store was opened, by enum weir_leave; puts that were refused
 * are not among them. Any thread. */
void logs_count_left(const struct logs *ls, uint64_t left[WEIR_LEAVE_OUT_OF_USE + 1]);
void logs_free(struct logs *ls);
/* Sets the eviction policy: what the superblock says, unless POLICY or PERCENT are not 0. */
void logs_set_policy(struct logs *ls, uint32_t policy, uint32_t percent);
/* Tells the eviction policy in force. */
void logs_get_policy(const struct logs *ls, uint32_t *policy, uint32_t *percent);
/* Sets the marks: what the superblock says, unless LOW or HIGH, as in weir_store_opts, are not 0.
 */
void logs_set_marks(struct logs *ls, uint32_t low, uint32_t high);
/* Uses these from now on: in percent, as weir_store_format_opts has them. */
void logs_use_marks(struct logs *ls, uint32_t low, uint32_t high);
/* Tells the marks in force, in free segments, the reserve included; 0 and 0: there are none. */
void logs_get_marks(const struct logs *ls, uint32_t *low, uint32_t *high);
/* Makes more logs until there are N. Returns 0 or -ENOMEM. */
int logs_make(struct logs *ls, uint32_t n);
/* Makes LS as it was before recovery began. Returns 0 or -ENOMEM. */
int logs_forget(struct logs *ls);
/* Ends recovery: everything on the device is published, and the next record gets SEQUENCE. */
void logs_recovered(struct logs *ls, uint64_t sequence);
struct log *logs_of_stream(struct logs *ls, uint32_t stream);
struct segments *logs_segments(struct logs *ls);

/* Puts OP, a put or delete, behind the operations that wait for admission. */
void logs_append(struct logs *ls, struct weir_store_op *op);
/* Bounds the bytes of puts that are being written; MAX is weir_store_opts.max_put_bytes. */
void logs_set_room(struct logs *ls, uint64_t max);
/* Notes that the store is being closed: from now on no segment is begun ahead. */
void logs_set_closing(struct logs *ls);

/* Begins a round of the turn. Its steps work on the logs that have asked for it. */
void logs_begin_round(struct logs *ls);
/* These are the steps, in their order. */
void logs_publish(struct logs *ls); /* acknowledges batches that are written, in log order */
void logs_admit(struct logs *ls);   /* gives pending operations their positions */
void logs_seal(struct logs *ls);    /* writes the footers of closed segments */
void logs_prepare(struct logs *ls); /* begins the segments that come next */
void logs_hurry(struct logs *ls);   /* asks for the flush that begun segments cannot wait for */
void logs_reclaim(struct logs *ls); /* frees the oldest segments if space is missing */
/* Ends pending operations that were cancelled, and those whose deadline has come at NOW. *NEXT
 * becomes the earliest deadline of the others, unless it is earlier. */
void logs_withdraw(struct logs *ls, uint64_t now, uint64_t *next);
/* Closes the open segments, which the turn then seals. Returns false if none was open. */
bool logs_close(struct logs *ls);
/* Returns true if anything of a log is under way. */
bool logs_busy(const struct logs *ls);

/* Looks up HASH. Returns false if it is not there. */
bool logs_find(const struct logs *ls, const uint64_t hash[2], struct index_value *value);
/* These three run on any thread. Finds HASH: returns 1 and *VALUE, 0, or -EAGAIN as index_peek().
 */
int logs_peek(const struct logs *ls, const uint64_t hash[2], struct index_value *value);
/* Fetches the memory that logs_peek() needs for N keys, all at the same time. */
void logs_prefetch(const struct logs *ls, const uint64_t (*hash)[2], size_t n);
/* Notes that the entry of HASH, found with VALUE, is used. */
void logs_touch(struct logs *ls, const uint64_t hash[2], const struct index_value *value);
/* Keys that are held, and leases. */
struct log_pins {
	uint64_t pinned, leased, leased_bytes, leased_max, taken_back;
};

/* A call that leases keys. */
struct lease_call {
	uint64_t now, until; /* clock_now() */
	uint64_t number;     /* logs_lease_begin() sets it */
	size_t leading;	     /* keys from the first on that are there */
	bool gap;	     /* one is not */
};

/* These run on any thread. logs_hold() pins HASH: 0, -ENOENT, -ENOMEM or -EAGAIN. logs_let_go()
 * takes a pin back: 0 or -ENOENT. */
int logs_hold(struct logs *ls, const uint64_t hash[2]);
int logs_let_go(struct logs *ls, const uint64_t hash[2]);
void logs_lease_begin(struct logs *ls, struct lease_call *call);
/* Leases N keys of CALL, and sets the lengths of their values, 0 for those that are not there.
 * Returns 0, -ENOMEM or -EAGAIN. */
int logs_lease(struct logs *ls, const uint64_t (*hash)[2], size_t n, struct lease_call *call,
	       uint64_t *lengths);
/* Ends one lease of HASH, if there is one. */
void logs_end_lease(struct logs *ls, const uint64_t hash[2]);
void logs_count_pins(struct logs *ls, struct log_pins *counts);
/* Returns the number of keys with leases whose time is not over at NOW. */
uint64_t logs_count_leases(struct logs *ls, uint64_t now);

/* Returns true if no put or delete of HASH is under way. */
bool logs_is_settled(struct logs *ls, const uint64_t hash[2]);
/* Returns the segment that VALUE is in. */
struct segment *logs_segment_of(const struct logs *ls, const struct index_value *value);
/* Returns the stream of SEG, in which something lives. */
uint32_t logs_stream_of(const struct segment *seg);
/* Notes that a value is read for a get (narrow.c). */
void logs_note_get(struct logs *ls);
/* Notes that a read of SEG begins (ends). The segment is not written over meanwhile. */
void logs_pin(struct segment *seg);
void logs_unpin(struct segment *seg);
/* Returns the segment of STREAM that contains the position *AT, or the next one; then *AT becomes
 * its first batch. NULL: there are no more. */
struct segment *logs_next_segment(const struct logs *ls, uint32_t stream, struct logpos *at);

/* Calls FN for each entry whose value is in SEG. It looks at the whole index, unless nothing lives
 * in SEG. */
void logs_each_in(const struct logs *ls, const struct segment *seg,
		  void (*fn)(const uint64_t hash[2], const struct index_value *value, void *user),
		  void *user);

/* These change the index and the counts of logs and segments; for recovery. */
int entries_set(struct logs *ls, const uint64_t hash[2], const struct index_value *value);
bool entries_remove(struct logs *ls, const uint64_t hash[2]);
/* Returns the log in which HASH lives, or NULL. */
struct log *entries_log(const struct logs *ls, const uint64_t hash[2]);
/* Returns true if every segment and every log counts its entries right. It looks at the whole
 * index; for tests. */
bool entries_check(const struct logs *ls);

/* Makes the footer of SEG from its entries, in memory of the pool. *BUF is NULL if there is no
 * memory. */
void seal_footer(struct store_io *io, const struct segment *seg, struct footer *f, void **buf);

void logs_count(const struct logs *ls, struct log_counts *counts);
/* Returns the number of segments in the log of STREAM. */
uint32_t logs_used_segments(const struct logs *ls, uint32_t stream);
/* Fills in INFO for STREAM, except the number of its tenants. */
void logs_describe(const struct logs *ls, uint32_t stream, struct weir_store_stream *info);

/* Returns 0 if the drive at PATH, described by FDP, has placement ids; otherwise -EOPNOTSUPP, and
 * sets weir_error(). Any thread. */
int log_placement_check_drive(const char *path, const struct weir_fdp *fdp);
/* Finds out which placement ids the drive has. WISH is an enum weir_placement. Runs on the opening
 * thread; sets weir_error(). */
int log_placement_open(struct logs *ls, uint32_t wish);
/* Gives an id to each stream of SUPER that has none. */
void log_placement_assign(const struct logs *ls, struct super *super);
/* Tells the logs the ids that the superblock names. */
void log_placement_apply(struct logs *ls);
/* Returns true if streams have placement ids. *WHY says why they have none, although the store is
 * formatted for it; otherwise it is NULL. */
bool log_placement_is_on(const struct logs *ls, const char **why);

#endif
