/* SPDX-License-Identifier: Apache-2.0 */
/*
 * recovery.h - a recovery under way, for the files that do its steps.
 */
#ifndef STORE_RECOVER_RECOVERY_H
#define STORE_RECOVER_RECOVERY_H

#include <stdbool.h>
#include <stdint.h>

#include "store/recover/conflict.h"

struct recover {
	struct store_io *io;
	struct logs *ls;
	struct recover_counts *counts;
	struct found *found; /* log by log, oldest first */
	uint32_t count;
	uint32_t from; /* index in `found`: where the log that is read begins */
	struct conflict conflict;
	struct superio_found supers;
	struct super super; /* the epoch that this recovery writes */
	uint64_t epoch;
	uint64_t sequence;		  /* the highest that was seen */
	struct logpos mark[DISK_STREAMS]; /* the watermark of each log */
	struct found *verifying;
};

/* headers.c */
/* Reads all headers, and lists the segments in use log by log. */
int headers_read(struct recover *r);
/* Sets the error for an image in which NAME has its highest value. No store lives so long. */
int headers_forged(const struct recover *r, const char *name);
/* Refuses an image with more streams than its segments suffice for. */
int headers_check_streams(const struct recover *r);
/* Begins a new epoch: what is written from now on is newer than anything on the device. */
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
