/* SPDX-License-Identifier: Apache-2.0 */
/*
 * recovery.h - a recovery under way, for the files that do its steps.
 */
#ifndef STORE_RECOVER_RECOVERY_H
#define STORE_RECOVER_RECOVERY_H

#include <stdbool.h>
#include <stdint.h>

#include "store/recover/conflict.h"
#include "store/recover/recover.h"

struct recover {
	struct store_io *io;
	struct logs *ls;
	struct recover_counts *counts;
	bool salvage;	     /* segments that cannot be read are put out of use */
	bool again;	     /* one was: everything is read again without it */
	struct found *found; /* log by log, oldest first */
	uint32_t given_up;   /* segments that were, since the recovery began */
	uint64_t began;	     /* of clock_now() */
	uint32_t count;
	uint32_t from; /* index in `found`: where the log that is read begins */
	struct conflict conflict;
	struct superio_found supers;
	struct super super;   /* what this recovery writes */
	uint64_t epoch;	      /* the highest that was seen */
	uint64_t epoch_floor; /* another device of the store has had it */
	uint64_t sequence;    /* the highest that was seen */
	uint32_t headers;     /* valid ones */
	struct found *verifying;
	struct logpos mark; /* the watermark that counts for it */
};

/* unread.c */
/* Handles a read that failed with ERR: of WHAT, a structure of SEG. Returns 0 if the segment is now
 * out of use, so that the recovery begins again when this step has ended; otherwise -errno. */
int unread_segment(struct recover *r, const struct segment *seg, const char *what, int err);
/* Does the same when neither the footer of SEG nor its header could be written. */
int unread_unwritten(struct recover *r, const struct segment *seg, int err);

/* strike.c */
/* Reads the strikes of FOUND, whose header is at BUF and has GEN. Strikes that do not verify are
 * read once more, into BUF. Returns 0, -ENOMEM, or the error of that read. */
int strike_read(struct recover *r, struct found *found, void *buf, struct generation gen);
/* Frees the strikes of all segments. */
void strike_free(struct recover *r);
/* Writes the footers in which an entry has lost a conflict. */
int strike_footers(struct recover *r);
/* Handles the footer of FOUND, which could not be written, with ERR: notes what of its COUNT
 * ENTRIES does not count in the header of its segment. Returns 0 or -errno; sets weir_error(). */
int strike_unwritten(struct recover *r, const struct found *found, const struct disk_entry *entries,
		     uint32_t count, int err);

/* headers.c */
/* Reads all headers, and lists the segments in use log by log. Refuses a device with no header of
 * the store. */
int headers_read(struct recover *r);
/* Sets the error for an image in which NAME has its highest value. No store lives so long. */
int headers_forged(const struct recover *r, const char *name);
/* Refuses an image with more streams than its segments suffice for. */
int headers_check_streams(struct recover *r);
/* Writes the superblock, and begins a new epoch with it: what is written from now on is newer than
 * anything on the device. */
int headers_begin_epoch(struct recover *r);

/* footers.c */
/* Finds out which segments have a footer, and walks the others. */
int footers_find(struct recover *r);
/* Applies the entries of all segments to the index. */
int footers_apply(struct recover *r);

/* payloads.c */
/* Verifies the payloads of FOUND beyond the watermark, and drops records whose payload is wrong. */
int payloads_verify(struct recover *r, struct found *found);

/* finish.c */
/* Writes missing footers, and puts every segment into its list. */
int finish_segments(struct recover *r);

#endif
