/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ram.h - an engine whose drive is memory, with a will of its own: it completes in any order,
 * refuses and fails what the test says, checks each command against the limits, and knows which
 * blocks a power cut would leave. With a clock of its own a queue on it lives in virtual time.
 */
#ifndef RAM_H
#define RAM_H

#include "rig.h"

#define RAM_BLOCK 512u
#define RAM_BLOCKS 8192u

struct ram {
	/* To be changed before a queue is opened. */
	unsigned refuse_every, fail_every; /* each Nth offer, each Nth command; 0: none */
	bool own_clock;			   /* one lane, one thread */
	uint32_t engine_flags;
	uint64_t seed;

	uint64_t now_ns;
	/* What happened; atomics. */
	uint64_t offers, commands, failed, flushes;
	/* Every write gets a number. A flush covers those that had ended when it came. */
	uint64_t last_write, flushed;
	uint64_t written[RAM_BLOCKS]; /* by which write; 0: it is on stable media */
	char bytes[RAM_BLOCKS][RAM_BLOCK];
	uint8_t busy[RAM_BLOCKS]; /* a command is at it; atomics */
	struct weir_device_info limits;
	struct iovec registered[8];
};

extern struct ram ram;

/* Forgets everything; the limits are small. */
void ram_init(void);
/* Opens a device and a queue of OPTS on it: rig.dev and rig.q, for rig_close(). */
void ram_open(const struct weir_queue_opts *opts);
/* The block survives a power cut. */
bool ram_stable(uint64_t block);

#endif
