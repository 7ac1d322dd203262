/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io.h - how a store reaches its device: ios, flushes, the superblock, memory. Other folders may
 * include only this header of the folder.
 *
 * Everything that changes belongs to the loop of lane 0 of the store's queue, unless it says
 * otherwise.
 */
#ifndef STORE_IO_H
#define STORE_IO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <weir/queue.h>
#include <weir/store.h>

#include "base/hist.h"
#include "store/format/checksum.h"
#include "store/format/layout.h"
#include "store/format/super.h"
#include "store/io/bufpool.h"
#include "store/io/failing.h"
#include "store/io/flush.h"
#include "store/io/op.h"
#include "store/io/pieces.h"
#include "store/io/sio.h"
#include "store/io/superio.h"
#include "store/io/superjob.h"
#include "store/io/superpick.h"
#include "store/io/syncio.h"
#include "store/io/tally.h"
#include "store/io/urgency.h"
#include "store/io/wear.h"
#include "store/io/words.h"

/* What operations and ios did since the store was opened. */
struct io_counts {
	uint64_t puts, put_bytes;
	uint64_t gets, hits, get_bytes;
	uint64_t deletes;
	uint64_t failed; /* operations, see op_failed() */
	uint64_t flushes, at_risk, written_bytes;
	struct hist put_hist, get_hist;
};

struct store_io {
	/* These never change while the store is open. */
	struct weir_device *dev;
	struct weir_queue *q;
	bool read_only;
	uint32_t memory_mask;	  /* address bits that must be 0 in memory for I/O */
	const struct layout *lay; /* in super */
	struct checksum_key key;
	void (*turn)(struct store_io *io); /* the store's turn, after each event */

	int ring_lost; /* why the queue has lost its ring, errno; atomic */
	struct super super;
	struct superjob superjob;
	struct flusher flusher;
	struct bufpool pool;
	struct wear wear; /* the write budget */
	struct failing failing;
	int broken;	 /* 0, or the error of all writes until the store is reopened */
	int first_error; /* what broke it */
	uint32_t asking; /* a bit for each log that the next round of the turn looks at */
	uint32_t admits; /* of these, the logs whose pending operations it looks at too */
	uint64_t ops;	 /* begun and not ended */
	uint64_t begun;	 /* operations since the store was opened */
	uint64_t ios;
	struct io_counts counts;
	struct tally tally;
};

/* Initializes IO, whose device and queue are set. There is no superblock yet. */
void io_init(struct store_io *io, void (*turn)(struct store_io *io));
/* Makes SUPER the store's superblock, before the loop knows the store. */
void io_set_super(struct store_io *io, const struct super *super);
void io_free(struct store_io *io);

/* Returns what memory of a value the device can use. */
static inline struct pieces_rule io_rule(const struct store_io *io)
{
	return (struct pieces_rule){ io->memory_mask, io->lay->block_bytes };
}

/* Asks for a round of the turn in which every log is looked at. */
static inline void io_ask(struct store_io *io)
{
	io->asking = io->admits = UINT32_MAX;
}

/* Stops all writing: from now on writes fail. RESULT is the reason. */
void io_break(struct store_io *io, int result);

/* Ends the program unless the calling thread owns the store's loop. */
void io_check_owner(const struct store_io *io);

#endif
