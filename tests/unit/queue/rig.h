/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rig.h - a queue over an engine that does what the test says: it records each command, holds it
 * until it is told to complete it, fails or refuses it. A file's worth of facts about the device
 * are the test's own too.
 */
#ifndef RIG_H
#define RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <weir/weir.h>

#include "engine/engine.h"
#include "base/done.h"
#include "queue/lane/dispatch.h"
#include "queue/lane/lane.h"
#include "queue/open.h"

#define RIG_LOG 4096

/* What the engine was given, in order. */
struct rig_cmd {
	uint8_t op;
	bool fua;
	uint64_t offset, length;
	uint32_t iovcnt;
	int16_t buf_index;
	uint16_t placement;
	union { /* the first of them */
		struct iovec iov[16];
		struct cmd_range ranges[16];
	};
};

struct rig {
	struct weir_device *dev;
	struct weir_device_info info; /* may be changed before rig_open() */
	struct weir_queue *q;
	unsigned nomerges; /* of rig_open(); 2 unless a test says otherwise */
	/* Of the engine, to be changed before rig_open(). */
	uint32_t engine_flags, max_discard_ranges;
	void (*on_close)(struct engine *e); /* before the engine's end, on the lane's owner */
	bool own_clock;			    /* the time is now_ns, and stands while nobody sleeps */
	uint64_t now_ns;
	/* The engine's; one lane only unless hold is false. */
	bool hold;	       /* complete nothing until rig_complete() */
	unsigned refuse_every; /* refuse each Nth offer; 0: none */
	uint32_t timeout_ms;   /* that it was opened with */
	uint64_t fail_offset;  /* commands that begin here end with fail_error */
	bool fail_covers;      /* also those that begin before and reach to here */
	int fail_error;
	uint16_t fail_status; /* and with this */
	int fail_register;    /* what registering memory ends with */
	unsigned registers, unregisters;
	uint32_t unregistered; /* the last number */
	unsigned offers, nr_log, allowed;
	unsigned max_in_flight;
	uint64_t max_in_flight_bytes;
	uint64_t offer_ns[RIG_LOG];
	struct rig_cmd log[RIG_LOG];
};

extern struct rig rig;
extern const struct engine_ops rig_engine;

/* Resets the rig: a null device of 1 GiB with 512-byte blocks. */
void rig_init(void);
/* Opens rig.q; OPTS may be NULL. */
void rig_open(const struct weir_queue_opts *opts, const struct sched_ops *sched);
void rig_close(void);
/* Lets the engine complete N more commands, and polls until they have. */
void rig_complete(unsigned n);

#endif
