/* SPDX-License-Identifier: Apache-2.0 */
/*
 * check.h - checks a store that nobody has open. It is the one header of this folder that other
 * folders may include.
 */
#ifndef STORE_CHECK_H
#define STORE_CHECK_H

#include <stdbool.h>
#include <stdint.h>

#include <weir/fsck.h>

#include "store/check/content.h"
#include "store/check/live.h"
#include "store/check/load.h"
#include "store/check/medium.h"
#include "store/check/show.h"

/* What a check noted of a segment, for the repair. */
enum check_mark {
	CHECK_MARK_FREE = 1 << 0,   /* it is to be freed: its header is damaged or stale */
	CHECK_MARK_STRIKE = 1 << 1, /* some of its records are damaged */
};

struct check {
	struct weir_queue *q;
	const struct weir_check_opts *opts;
	struct weir_check_result *result;
	struct medium m;
	struct content c;
	struct load load;
	struct live live;
	uint8_t *mark;			     /* enum check_mark, by segment */
	struct logpos durable[DISK_STREAMS]; /* watermarks */
	/* The end of the log that is checked, so far. */
	uint64_t epoch, sequence;
	uint32_t last_sealed[DISK_STREAMS]; /* index in m.order, + 1, of the last sealed segment */
	uint64_t done_bytes, total_bytes;   /* of all devices that are checked together */
};

/* Reads the store on the device of Q, whose loop the thread owns. Returns 0 or -errno. */
int check_open(struct check *k, struct weir_queue *q, const struct weir_check_opts *opts,
	       struct weir_check_result *result);
/* Returns the bytes that check_run() goes through. */
uint64_t check_bytes(const struct check *k);
/* Reports that device N (from 0 on) of the store was not named. */
void check_absent(struct check *k, uint32_t n);
/* Checks everything and reports what it finds. Returns 0 or -errno. */
int check_run(struct check *k);
/* Writes the superblock copies again if one is damaged or of another store. Returns 0 or -errno. */
int check_write_supers(struct check *k);
/* Frees the segments that check_run() marked to be freed. Returns 0 or -errno. */
int check_free_marked(struct check *k);
/* Strikes the damaged records of the segments that EARLIER has marked. K was opened after the
 * segments were sealed. Returns 0 or -errno. */
int check_strike_marked(struct check *k, const struct check *earlier);
void check_close(struct check *k);

#endif
