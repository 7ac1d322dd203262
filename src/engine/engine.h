/* SPDX-License-Identifier: Apache-2.0 */
/*
 * engine.h - how bytes move: the seam between the queue and the ways to a drive.
 *
 * An engine instance belongs to one lane and is used by the lane's owner only: it is opened,
 * driven and closed on that thread. An engine never blocks except in wait(), never retries
 * for ever, and completes each accepted command exactly once, from reap(), never from inside
 * queue() or submit().
 */
#ifndef ENGINE_H
#define ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include <weir/engine.h>
#include <weir/io.h>

#include "device/device.h"

/* A stretch of the device, bytes. */
struct cmd_range {
	uint64_t offset, length;
};

/* One command for the drive. The queue owns the memory; from queue() until complete() the
 * engine may change iov (it is the command's own copy) and uses the e_ fields. */
struct weir_cmd {
	uint64_t offset; /* bytes */
	uint64_t length; /* bytes; 0 for a flush and a placement update */
	union {
		struct iovec *iov;	  /* reads, writes: iovcnt pieces that add up to length */
		struct cmd_range *ranges; /* discards: iovcnt ranges; 0: the one at offset */
	};
	uint32_t iovcnt;
	uint8_t op; /* enum weir_op */
	bool fua;
	uint16_t prio; /* as in struct weir_io */
	uint16_t placement;
	int16_t buf_index;  /* registered buffer that holds all of iov[0] (iovcnt == 1), or -1; set
			     * to  -1 by an engine that makes no use of it */
	int32_t result;	    /* set before complete(): 0 or -errno */
	uint16_t status;    /* NVMe status field, else 0 */
	uint16_t ring_lost; /* result is -EIO, as the ring is gone: the kernel's errno, else 0 */
	uint16_t resubmits; /* short or interrupted, gone on; the engine counts */
	uint16_t e_waits;   /* so many of these found no way to the drive (passthrough) */
	uint16_t e_slot;    /* of the ring, while the kernel has the command (io_uring) */
	struct weir_cmd *e_next;
	uint64_t e_done; /* bytes already moved, or when to complete (null engine) */
};

/* What an engine is given at open. */
struct engine_params {
	const struct weir_device *dev;
	uint32_t depth; /* never more commands in flight */
	int wake_fd;	/* eventfd: wait() returns when it is readable, and reads it; -1: none */
	uint32_t posix_threads;	  /* posix: size of the pool */
	uint64_t null_latency_ns; /* null: completes after this */
	uint32_t timeout_ms;	  /* of one command; 0: the driver's */
	void (*complete)(void *owner, struct weir_cmd *cmd);
	void *owner;
	const struct engine_ops *ops; /* through which it is opened: part of a simulation, say */
};

struct engine;

enum engine_flags {
	ENGINE_NO_FUA = 1 << 0,		  /* a write with FUA is to be followed by a flush */
	ENGINE_PLACEMENT_UPDATE = 1 << 1, /* takes WEIR_OP_PLACEMENT_UPDATE */
	ENGINE_TIMEOUT = 1 << 2,	  /* obeys timeout_ms */
};

struct engine_ops {
	const char *name;
	const char *summary;
	uint32_t flags;		     /* enum engine_flags */
	uint32_t max_discard_ranges; /* in one command; 0 means 1 */

	/* Would this engine work on DEV? 0 or -errno; WHY gets the reason or the set-up. */
	int (*probe)(const struct weir_device *dev, char *why, size_t size);

	int (*open)(struct engine **e, const struct engine_params *params);
	/* Nothing is in flight any more. In a child of fork() it frees what the child has of E, in
	 * whatever state that is, and touches nothing that the parent shares. */
	void (*close)(struct engine *e);

	/* Accept CMD: 0, or -EBUSY (no room now: the queue offers it again). Not started before
	 * submit(). */
	int (*queue)(struct engine *e, struct weir_cmd *cmd);
	/* Start what was accepted, in one system call where there is one. */
	void (*submit)(struct engine *e);
	/* Call complete() for what has ended; returns how many. Does not sleep. NOW is the time. */
	unsigned (*reap)(struct engine *e, uint64_t now);
	/* As submit(), then sleep until something may have ended, wake_fd is readable (it is
	 * read, to clear it), or DEADLINE (ns of clock_now(); UINT64_MAX: none) has come. */
	void (*wait)(struct engine *e, uint64_t deadline);

	/* A file descriptor that polls readable when something has ended, or -1. Ask only where
	 * it will be watched: from the first call on, announcing costs with each completion. */
	int (*fd)(struct engine *e);
	/* When reap() will have something that fd() does not announce; UINT64_MAX: never. */
	uint64_t (*next_event)(struct engine *e);

	/* Register LENGTH bytes at BASE as buffer number INDEX (0, 1, 2 ...), in place of what had
	 * that number: 0, or -errno with words. NULL: it registers none. */
	int (*register_buffer)(struct engine *e, uint32_t index, void *base, size_t length);
	/* Buffer number INDEX is no more; no command on it is with the engine. 0 or -errno. */
	int (*unregister_buffer)(struct engine *e, uint32_t index);

	/* How this instance was set up, in words. Static, or lives as long as E. */
	const char *(*describe)(struct engine *e);

	/* The time, where it is not clock_now(): a simulation's. OPS is this table; any thread. */
	uint64_t (*now)(const struct engine_ops *ops);
};

/* Every engine instance begins with this. */
struct engine {
	const struct engine_ops *ops;
	struct engine_params params;
};

extern const struct engine_ops engine_uring, engine_posix, engine_uring_cmd, engine_null;

/* The table of engines in order of preference, ended by NULL. */
extern const struct engine_ops *const engine_table[];

/*
 * Finds NAME ("auto": the first of the table whose probe succeeds on DEV). WHY gets the reason
 * for the choice or the refusal. 0, -ENOENT, -EOPNOTSUPP; sets weir_error().
 */
int engine_find(const struct engine_ops **ops, const char *name, const struct weir_device *dev,
		char *why, size_t size);

/* Sleeps as wait() does, on FD (may be -1) and WAKE_FD, with ppoll. */
void engine_sleep(int fd, int wake_fd, uint64_t deadline);

#endif
