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
	uint64_t out_of_use; /* segments */
	uint64_t unsealed;   /* segments whose footer could not be written */
	uint64_t bad_supers; /* superblock copies that are not valid, or could not be written */
};

/*
 * Recovers LS on IO, whose superblock was read; SUPERS says what is on the device. With SALVAGE,
 * segments that cannot be read are put out of use. It runs on the opening thread, before the loop
 * knows the store. Returns 0 or -errno; sets weir_error().
 */
int recover_run(struct store_io *io, struct logs *ls, const struct superio_found *supers,
		bool salvage, struct recover_counts *counts);

#endif
