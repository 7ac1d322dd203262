/* SPDX-License-Identifier: Apache-2.0 */
/*
 * recover.h - makes the logs of a store in memory from what is on its device. It is the one header
 * of this folder that other folders may include.
 */
#ifndef STORE_RECOVER_H
#define STORE_RECOVER_H

#include <stdbool.h>
#include <stdint.h>

#include "store/io/io.h"
#include "store/log/log.h"

/* The counts of a recovery, as in struct weir_store_stats. */
struct recover_counts {
	uint64_t ns;
	uint64_t entries;
	uint64_t open_segments;
	uint64_t bad_footers, bad_headers;
	uint64_t skipped_blocks;
	uint64_t dropped_records;
	uint64_t conflicts;
	uint64_t rereads;
	uint64_t unsealed;   /* segments whose footer could not be written */
	uint64_t bad_supers; /* superblock copies that are not valid, or could not be written */
};

struct recover;

/*
 * Begins to recover LS on IO, whose superblock was read; SUPERS says what is on the device. It
 * reads everything and writes nothing. With SALVAGE, segments that cannot be read will be put out
 * of use. It runs on one thread that may wait on the queue, before the loop knows the store; other
 * devices may be recovered on other threads meanwhile. *R is for recover_finish() or
 * recover_drop(). Returns 0 or -errno (then *R is NULL); sets weir_error().
 */
int recover_begin(struct recover **r, struct store_io *io, struct logs *ls,
		  const struct superio_found *supers, bool salvage, struct recover_counts *counts);

/* Returns the highest epoch on the device; after recover_begin(). */
uint64_t recover_epoch(const struct recover *r);
/* Has the device begin an epoch above EPOCH, which another device of the store has had. */
void recover_set_epoch_floor(struct recover *r, uint64_t epoch);

/* Writes what a recovery writes, and ends it; R is freed. It runs where recover_begin() may, on the
 * same thread or another. Returns 0 or -errno; sets weir_error(). */
int recover_finish(struct recover *r);

/* Gives up a recovery, and frees R, which may be NULL. Nothing is written. */
void recover_drop(struct recover *r);

#endif
