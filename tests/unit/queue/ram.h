/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ram.h - an engine whose drive is memory, and which makes things difficult on purpose: it
 * completes in any order, refuses and fails what the test says, checks each command against the
 * limits, and knows which blocks a power cut would leave. With a clock of its own, its queue runs
 * in virtual time.
 */
#ifndef RAM_H
#define RAM_H

#include "rig.h"

#define RAM_BLOCK 512u
#define RAM_BLOCKS 8192u

struct ram {
	/* Settings, to be changed before a queue is opened. */
	/* refuse each Nth offer, fail each Nth command; 0: none */
	unsigned refuse_every, fail_every;
	bool own_clock; /* one lane, one thread */
	uint32_t engine_flags;
	uint64_t seed;

	uint64_t now_ns;
	/* Counters of what happened; atomics. */
	uint64_t offers, commands, failed, flushes;
	/*
	 * Each write gets a number. A flush covers the writes that had completed when it arrived.
	 */
	uint64_t last_write, flushed;
	/* number of the last write; 0: the block is on stable media */
	uint64_t written[RAM_BLOCKS];
	char bytes[RAM_BLOCKS][RAM_BLOCK];
	uint8_t busy[RAM_BLOCKS]; /* a command accesses it; atomics */
	struct weir_device_info limits;
	struct iovec registered[8];
};

extern struct ram ram;

/* Resets everything; the limits are small. */
void ram_init(void);
/* Opens a device and a queue with OPTS on it, as rig.dev and rig.q, for rig_close(). */
void ram_open(const struct weir_queue_opts *opts);
/* Returns true if the block survives a power cut. */
bool ram_stable(uint64_t block);

#endif
