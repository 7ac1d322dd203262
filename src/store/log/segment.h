/* SPDX-License-Identifier: Apache-2.0 */
/*
 * segment.h - segments and their states. Only segment.c writes these structs.
 */
#ifndef STORE_LOG_SEGMENT_H
#define STORE_LOG_SEGMENT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "store/format/checksum.h"
#include "store/format/footer.h"
#include "store/format/layout.h"

struct log;
struct logs;

enum segment_state {
	SEGMENT_UNKNOWN = 0, /* recovery has not handled it yet */
	SEGMENT_FREE,
	SEGMENT_BEGINNING, /* its header is on the way to the medium */
	SEGMENT_BEGUN,
	SEGMENT_OPEN,
	SEGMENT_CLOSED, /* takes no more batches; its footer is not written yet */
	SEGMENT_SEALED,
	SEGMENT_RECLAIMING,
	SEGMENT_RETIRED, /* its header could not be written, or it is out of use */
	SEGMENT_ASIDE,	 /* out of use, and entries live in it */
};

struct segment {
	struct log *log; /* its log, also while it is begun; NULL: it is free */
	uint32_t number;
	uint8_t state;	   /* enum segment_state */
	bool failed;	   /* a batch of it could not be written */
	bool from_reserve; /* taken for a tombstone: puts wait until the reserve is whole */
	bool listed;	   /* it is in its log's list of segments */
	/* Of a segment that is set aside: its footer says in later lives what lives in it; an entry
	 * has left it since entries were struck in memory; these are not on the medium yet. */
	bool named, stale, unwritten;
	struct generation gen;
	uint32_t used;		    /* blocks given out: the next batch begins here */
	uint32_t end;		    /* blocks published */
	uint32_t readers;	    /* reads under way */
	uint32_t batches;	    /* writes under way */
	uint32_t records;	    /* admitted */
	uint32_t footer_blocks;	    /* 0: it has no footer */
	uint64_t live_bytes;	    /* of values that the index finds in it */
	uint32_t live_blocks;	    /* that these values take */
	struct disk_entry *entries; /* of the footer to be, while it is not sealed, or set aside */
	uint32_t entries_room;
	TAILQ_ENTRY(segment) link; /* in the log, ahead of it, or on the free list */
	TAILQ_ENTRY(segment) sealing;
};

TAILQ_HEAD(segment_list, segment);

/* All segments of a store. */
struct segments {
	struct segment *all;
	uint32_t count;
	struct segment_list free;
	uint32_t free_count;
	uint32_t failing;     /* failed segments without the footer that leaves the failure out */
	uint64_t epoch;	      /* of this life */
	uint64_t generations; /* counter of the last generation given */
	uint32_t sealed;      /* segments of the logs that take no more batches ... */
	uint64_t unused;      /* ... and their blocks behind the last batch, without the footers */
};

/* The segments of one log. */
struct log_segments {
	struct segment_list list; /* oldest first, the open one last */
	uint32_t used;		  /* in list */
	struct segment *open;
	struct segment_list ahead; /* empty; begun or being begun, oldest first */
	uint32_t ahead_count;
	struct segment_list sealing; /* closed ones, oldest first */
	struct segment_list aside;   /* set aside, oldest first; older than those in list */
};

/* Makes COUNT segments in state SEGMENT_UNKNOWN. Returns 0 or -ENOMEM. */
int segments_init(struct segments *all, uint32_t count);
void segments_free(struct segments *all);
void segments_init_log(struct log_segments *of);
/* Returns a new generation. */
struct generation segments_generation(struct segments *all);

/* Sets what recovery found in the header of SEG. L is NULL if the segment is free. */
void segment_recover(struct segment *seg, struct generation gen, struct log *l);
/* Lets recovery read the batches of SEG from the beginning. */
void segment_rewind(struct segment *seg);
/* Notes that recovery found the end of the batches of SEG at block END. */
void segment_set_end(struct segment *seg, uint32_t end);
/* UNKNOWN -> SEALED, in recovery: SEG is the next of its log. FOOTER_BLOCKS as in segment_seal().
 */
void segment_recovered(struct segment *seg, uint32_t footer_blocks);

/* UNKNOWN, in recovery, or RECLAIMING -> RETIRED: SEG is out of use. */
void segment_put_out(struct segment *seg);
/* UNKNOWN, in recovery, or RECLAIMING -> ASIDE: SEG is out of use, and what lives in it stays.
 * NAMED: its footer says it in later lives, and SEG has the entries of that. */
void segment_put_aside(struct segment *seg, bool named);
/* Replaces the entries of SEG by COUNT entries of a footer. Returns 0 or -ENOMEM. */
int segment_load_entries(struct segment *seg, const struct disk_entry *entries, uint32_t count);
/* Forgets that later lives look at SEG, which is set aside. */
void segment_unname(struct segment *seg);
/* Notes in memory which of its entries no longer live in SEG, for those that LIVES does not say
 * so. */
void segment_strike_dead(struct segment *seg,
			 bool (*lives)(const struct footer_entry *e, const struct segment *seg,
				       const void *user),
			 const void *user);
/* Notes that the footer of SEG, which is (or will be) set aside, says what was struck. */
void segment_struck(struct segment *seg);

/* UNKNOWN, RECLAIMING or RETIRED -> FREE: the segment joins the free list. */
void segment_free(struct segments *all, struct segment *seg);
/* FREE -> BEGINNING: the first free segment gets a generation, and goes ahead of L. */
struct segment *segment_take(struct segments *all, struct log *l, bool from_reserve);
/* BEGINNING -> BEGUN: its header is on the medium. */
void segment_begun(struct segment *seg);
/* BEGINNING -> RETIRED: its header could not be written. */
void segment_retire(struct segment *seg);
/* RETIRED -> FREE, if no segment is free: one whose header could not be written is tried again.
 * Returns true if a segment is free now. */
bool segments_try_again(struct segments *all);
/* BEGUN -> OPEN: the first segment ahead of L becomes its last one. */
struct segment *segment_open(struct log *l);
/* Returns true if segment_open() may be called. A later segment may be begun earlier, but segments
 * are opened in the order of their generations. */
bool segment_is_ready(const struct log *l);
/* OPEN -> CLOSED: it takes no more batches. */
void segment_close(struct segment *seg);
/* CLOSED -> SEALED, with a footer of FOOTER_BLOCKS; 0: without one. */
void segment_seal(struct segments *all, struct segment *seg, uint32_t footer_blocks);
/* SEALED -> RECLAIMING. */
void segment_reclaim(struct segment *seg);
/* RECLAIMING -> SEALED: it stays. */
void segment_keep(struct segment *seg);
/* Takes a segment that is reclaimed out of its log. Nothing in the index points to it any more. */
void segment_leave(struct segment *seg);

/* Gives the next BLOCKS of an open segment to a batch. Returns the first of them. */
uint32_t segment_place(struct segment *seg, uint32_t blocks);
/* Notes that a write of a batch begins (ends). */
void segment_write_begun(struct segment *seg);
void segment_write_ended(struct segment *seg);
/* Leaves COUNT entries from FIRST on out of the footer: their batch could not be written. */
void segment_fail(struct segments *all, struct segment *seg, uint32_t first, uint32_t count);
/* Notes that the batches before block END are published. */
void segment_publish(struct segment *seg, uint32_t end);
/* Lets puts into SEG, because the reserve is whole again. */
void segment_open_to_puts(struct segment *seg);

/* Notes that a read of SEG begins: it is not freed before segment_unpin(). */
void segment_pin(struct segment *seg);
/* Notes that a read of SEG has ended. Returns true if it was the last one of a segment that is
 * reclaimed. */
bool segment_unpin(struct segment *seg);

/* Makes room for MORE entries of the footer. Returns 0 or -ENOMEM. */
int segment_reserve_entries(struct segment *seg, uint32_t more);
/* Adds an entry for the footer. There must be room. */
void segment_add_entry(struct segment *seg, const struct footer_entry *e);
/* Leaves entry N out of the footer. */
void segment_strike_entry(struct segment *seg, uint32_t n);
void segment_drop_entries(struct segment *seg);

/* Notes that the index finds a value of LENGTH bytes more (fewer) in SEG. */
void segment_add_live(const struct layout *lay, struct segment *seg, uint64_t length);
void segment_remove_live(const struct layout *lay, struct segment *seg, uint64_t length);
/* Notes that the index finds nothing in SEG any more. */
void segment_clear_live(struct segment *seg);

/* Returns true if a batch of N records, with HEADER bytes and PAYLOAD blocks, fits behind the
 * batches of SEG. The room for the footer is kept free here, so that sealing cannot fail because of
 * it. */
bool segment_fits(const struct layout *l, const struct segment *seg, uint64_t header,
		  uint64_t payload, uint32_t n);

#endif
