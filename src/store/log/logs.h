/* SPDX-License-Identifier: Apache-2.0 */
/*
 * logs.h - the logs of a store, as the files of this folder see them.
 */
#ifndef STORE_LOGS_H
#define STORE_LOGS_H

#include <assert.h>

#include "base/seen.h"
#include "store/log/batches.h"
#include "store/log/defer.h"
#include "store/log/job.h"
#include "store/log/keys.h"
#include "store/log/hold.h"
#include "store/log/log.h"
#include "store/log/marks.h"
#include "store/log/narrow.h"
#include "store/log/pass.h"
#include "store/log/pins.h"
#include "store/log/placement.h"
#include "store/log/room.h"
#include "store/log/survive.h"

/* Free segments kept in reserve: puts may not use them, so that deletes can still be written when
 * the store is full. */
#define SEGMENTS_RESERVED 2u
/* Admission of a log waits while so many bytes are not durable, because a recovery has to verify
 * them all. This limits the tail if flushes are slower than writes. */
#define TAIL_MAX_BYTES (256ull << 20)
/* The store stops writing when the headers of so many segments could not be written. */
#define PREPARE_FAILURES_MAX 8u
/* So often the header of a segment is tried. */
#define PREPARE_TRIES 3u
/* Segments are begun so far ahead of the log's end, in bytes beyond the next one and in number.
 * Otherwise a log would stop for a header and a flush at the end of each. Both wait behind the
 * values under way, of which there may be ROOM_DEFAULT_BYTES. */
#define PREPARE_AHEAD_BYTES (128ull << 20)
#define PREPARE_AHEAD_MAX 8u

/* The weight of a log whose entries take just the blocks of their payloads. */
#define LOG_WEIGHT_ONE 16u

/* A FIFO of segments. */
struct log {
	struct logs *all;
	struct store_io *io;
	uint32_t stream; /* its place among the logs */
	struct log_segments segs;
	struct batch_list batches; /* admitted, not published, in log order */
	struct op_list pending;	   /* puts and deletes that hold no position yet */
	struct op_list survivors;  /* entries to be appended again, which come before these */
	int fail; /* no space or memory: the oldest pending operation, or the survivors, fail */
	bool fail_unread; /* ... because segments that cannot be read may not be freed */
	struct job begin[PREPARE_AHEAD_MAX];
	uint32_t begin_tries[PREPARE_AHEAD_MAX]; /* writes of their headers that failed */
	struct job seal;
	uint32_t seal_tries; /* writes of the footer that failed */
	uint32_t jobs;	     /* jobs that are not idle */
	uint32_t missing;    /* segments that must be freed for this log, beyond the reserve */
	bool prepares;	     /* segments may be begun for this log */
	struct log_placement placement;
	struct flush_mark mark;
	uint64_t admitted_bytes; /* since open */
	struct room_log room;
	/* The entries that live in this log now, and what was done since open. */
	uint64_t entries, live_bytes, live_blocks;
	/* What entries of this log take in a segment, in sixteenths of their payloads' blocks:
	 * short values have headers that are as long as they are. It is known from survivors. */
	uint32_t weight;
	uint64_t written_bytes, evicted_segments;
	uint64_t waits_since; /* it waits for space since then, loop_now(); 0: it does not */
};

TAILQ_HEAD(reclaim_list, reclaim);

struct logs {
	struct store_io *io;
	struct log *log[DISK_STREAMS];
	uint32_t count;
	uint32_t policy, rewrite_percent; /* of eviction; 0: the default */
	uint64_t rewrite_left; /* bytes that the last segment left of its rewrite budget */
	uint32_t round;	       /* the logs that this round of the turn looks at */
	uint32_t admits;       /* of these, the logs whose pending operations it looks at too */
	struct segments segs;
	struct index index;
	struct pins pins; /* with a lock of its own */
	struct keys keys;
	struct room room;
	struct marks marks;
	struct leave leave;
	struct seen seen; /* keys that were put lately; there is no table without a write budget */
	uint64_t refused, refused_bytes; /* puts that the write budget did not admit */
	struct op_list arrived;		 /* operations of this pass of the loop; not pending yet */
	struct weir_task gather;
	bool gather_posted;
	struct pass pass;
	struct narrow narrow;
	bool closing;
	bool discards;
	uint64_t batch_bytes; /* of the largest batch */
	uint64_t sequence;    /* the next record's */
	struct reclaim_list reclaims;
	uint32_t reclaiming;	/* of these, the ones that will soon be free */
	bool surviving;		/* one of them has survivors under way, or may have */
	bool reclaim_failed;	/* the last one failed: no more begins before something waits */
	uint32_t fruitless;	/* reclaims since the last put or delete was admitted */
	bool full;		/* reclaiming was fruitless, and an operation has failed */
	uint64_t hold_changes;	/* of pins, as it was before reclaiming became fruitless */
	uint32_t ahead_max;	/* segments that each log begins ahead */
	uint32_t prepare_first; /* logs that come first when a segment is free, as a mask */
	/* Headers that could not be written since the store was opened. It never goes down, also
	 * where one can be written later: a drive that loses writes again and again is not one to
	 * go on with, and reopening the store is the way to try once more. */
	uint32_t prepare_failures;
	uint64_t evicted_entries, evicted_segments;
	uint64_t damaged_entries;	    /* of the evicted ones: damage kept them from moving */
	uint64_t survivors, survivor_bytes; /* appended again */
	struct weir_fdp *fdp; /* placement ids of the drive; NULL: streams are not placed */
	/* Why they are not, although the store is formatted for it; or "". */
	char placement_why[256];
};

static_assert(DISK_STREAMS <= 32, "asking has a bit for each log");

#define LOGS_FOREACH(ls, l, i) for ((i) = 0; (i) < (ls)->count && ((l) = (ls)->log[i], true); (i)++)

/* Goes through the logs whose bits are in MASK, which becomes 0. */
#define LOGS_IN(ls, l, mask)                                                                       \
	for (; (mask) && ((l) = (ls)->log[__builtin_ctz(mask)], true); (mask) &= (mask)-1)

/* Returns the logs behind L, as a mask. They come first when L has had its turn: otherwise a log
 * that always needs more would leave them nothing. */
static inline uint32_t logs_behind(const struct log *l)
{
	return UINT32_MAX << l->stream << 1;
}

/* Asks for a round of the turn that looks at L. */
static inline void log_ask(struct log *l)
{
	l->io->asking |= 1u << l->stream;
	l->io->admits |= 1u << l->stream;
}

/* Asks for a round after a batch of L was written. If no operation waits, this changes nothing for
 * admission or for segments, so these steps are skipped. */
static inline void log_ask_to_publish(struct log *l)
{
	l->io->asking |= 1u << l->stream;
	if (l->pending.first || l->survivors.first)
		l->io->admits |= 1u << l->stream;
}

/* Takes the oldest pending operation of L off its list. Returns NULL if there is none. */
struct weir_store_op *log_pop(struct log *l);

/* Returns true if exactly one segment is being reclaimed. */
bool reclaim_is_alone(const struct logs *ls);
/* Returns the number of segments that each log may begin ahead. */
uint32_t prepare_ahead_max(const struct logs *ls);

/* Notes that the payload of HASH is damaged, if it is still at POSITION. */
void entries_mark_damaged(struct logs *ls, const uint64_t hash[2], uint64_t position);
/* Notes that SEG, which was to be reclaimed, stays: what lives in it may be held again. */
void entries_stay(struct logs *ls, const struct segment *seg);
/* Returns true if BYTES at BUF are the footer of SEG, a valid one, and decodes its trailer. */
bool entries_footer(const struct logs *ls, const struct segment *seg, struct footer *f,
		    const void *buf, size_t bytes);
/* Removes the entries of SEG from the index; they leave for REASON. FOOTER (BYTES long, may be
 * NULL) is what was read as its footer. */
void entries_drop(struct logs *ls, struct segment *seg, const void *footer, size_t bytes,
		  enum weir_leave reason);

#endif
