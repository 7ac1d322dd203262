/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rig.h - a queue on an engine that does what the test says: it records each command, holds it
 * until the test completes it, fails it or refuses it. The properties of the device are the test's
 * own too.
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

/* The commands that the engine got, in order. */
struct rig_cmd {
	uint8_t op;
	bool fua;
	uint64_t offset, length;
	uint32_t iovcnt;
	int16_t buf_index;
	uint16_t placement;
	union { /* the first ranges */
		struct iovec iov[16];
		struct cmd_range ranges[16];
	};
};

struct rig {
	struct weir_device *dev;
	struct weir_device_info info; /* a test may change it before rig_open() */
	struct weir_queue *q;
	unsigned nomerges; /* an option of rig_open(); 2 unless a test says otherwise */
	/* Properties of the engine, to be changed before rig_open(). */
	uint32_t engine_flags, max_discard_ranges;
	const struct engine_option *engine_options;
	/* called before the engine closes, on the lane's owner */
	void (*on_close)(struct engine *e);
	/* the time is now_ns, and it stands still unless the lane sleeps */
	bool own_clock;
	uint64_t now_ns;
	/* State of the engine; one lane only, unless hold is false. */
	bool hold;	       /* complete nothing until rig_complete() */
	unsigned refuse_every; /* refuse each Nth offer; 0: none */
	uint32_t timeout_ms;   /* the value with which it was opened */
	uint64_t fail_offset;  /* commands that begin at this offset end with fail_error */
	bool fail_covers;      /* and also those that begin before it and cover it */
	int fail_error;
	uint16_t fail_status; /* the status of failed commands */
	int fail_register;    /* the result of registering memory */
	/* Several lanes register at the same time, so the engine changes these atomically. */
	unsigned registers, unregisters;
	uint32_t unregistered; /* the last number that was unregistered */
	unsigned offers, nr_log, allowed;
	unsigned max_in_flight;
	uint64_t max_in_flight_bytes;
	uint64_t offer_ns[RIG_LOG];
	struct rig_cmd log[RIG_LOG];
};

extern struct rig rig;
extern const struct engine_ops rig_engine;

/* Resets the rig: a null device of 1 GiB with blocks of 512 bytes. */
void rig_init(void);
/* Opens rig.q; OPTS may be NULL. */
void rig_open(const struct weir_queue_opts *opts, const struct sched_ops *sched);
void rig_close(void);
/* Lets the engine complete N more commands, and polls until they are complete. */
void rig_complete(unsigned n);

#endif
