/* SPDX-License-Identifier: Apache-2.0 */
/*
 * engine.h - moves bytes: the interface between the queue and the ways to a drive.
 *
 * An engine instance belongs to one lane, and only the lane's owner uses it: it is opened, driven
 * and closed on that thread. An engine never blocks except in wait(), and never retries for ever.
 * It completes each accepted command exactly once, from reap(), never from inside queue() or
 * submit().
 */
#ifndef ENGINE_H
#define ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/uio.h>

#include <weir/engine.h>
#include <weir/io.h>

#include "device/device.h"
#include "engine/options.h"

/* A range of the device, in bytes. */
struct cmd_range {
	uint64_t offset, length;
};

/* One command for the drive. The queue owns its memory. From queue() until complete() the engine
 * may change iov (a copy that belongs to the command) and uses the e_ fields. */
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
	/* Number of the registered buffer that holds all of iov[0] (then iovcnt == 1), or -1. An
	 * engine that does not use it sets it to -1. */
	int16_t buf_index;
	int32_t result;	 /* set before complete(): 0 or -errno */
	uint16_t status; /* NVMe status field, else 0 */
	/* The kernel's errno if result is -EIO because the ring is lost, else 0. */
	uint16_t ring_lost;
	/* How often the engine went on with it after a short or interrupted attempt. */
	uint16_t resubmits;
	/* How many of these found no path to the drive (passthrough). */
	uint16_t e_waits;
	/* Its slot of the ring, while the kernel has the command (io_uring). */
	uint16_t e_slot;
	struct weir_cmd *e_next;
	/* Bytes moved so far; the null engine: the time when it completes. */
	uint64_t e_done;
};

/* The parameters of open(). */
struct engine_params {
	const struct weir_device *dev;
	uint32_t depth; /* limit of commands in flight */
	/* An eventfd: wait() returns when it is readable, and reads it. -1: none. */
	int wake_fd;
	struct engine_tuning tuning;
	void (*complete)(void *owner, struct weir_cmd *cmd);
	void *owner;
	/* The table through which it is opened; a simulation adds data to it. */
	const struct engine_ops *ops;
};

struct engine;

enum engine_flags {
	ENGINE_NO_FUA = 1 << 0,		  /* it cannot do FUA: a write is followed by a flush */
	ENGINE_PLACEMENT_UPDATE = 1 << 1, /* it can do WEIR_OP_PLACEMENT_UPDATE */
};

struct engine_ops {
	const char *name;
	const char *summary;
	uint32_t flags;			     /* enum engine_flags */
	uint32_t max_discard_ranges;	     /* ranges in one command; 0 means 1 */
	const struct engine_option *options; /* of this engine alone; NULL: none */

	/* Tells whether this engine would work on DEV. Returns 0 or -errno; WHY gets the reason or
	 * the set-up. */
	int (*probe)(const struct weir_device *dev, char *why, size_t size);

	int (*open)(struct engine **e, const struct engine_params *params);
	/* Closes E when nothing is in flight. In a child of fork() it frees the child's copy of E,
	 * in whatever state that is, and touches nothing that is shared with the parent. */
	void (*close)(struct engine *e);

	/* Accepts CMD. Returns 0, or -EBUSY if there is no room now; then the queue offers it
	 * again. The command starts at submit(), or before it. */
	int (*queue)(struct engine *e, struct weir_cmd *cmd);
	/* Starts the accepted commands, in one system call if possible. */
	void (*submit)(struct engine *e);
	/* Calls complete() for the commands that have finished, and returns their number. It does
	 * not sleep. NOW is the time. */
	unsigned (*reap)(struct engine *e, uint64_t now);
	/* Does what submit() does, then sleeps until a command may have finished, or wake_fd is
	 * readable (it is read, to clear it), or DEADLINE has come (ns of clock_now(); UINT64_MAX:
	 * none). */
	void (*wait)(struct engine *e, uint64_t deadline);

	/* Returns a file descriptor that polls readable when a command has finished, or -1. Call it
	 * only if the descriptor will be watched: from the first call on, each completion costs
	 * more. */
	int (*fd)(struct engine *e);
	/* Returns the time when reap() will have something that fd() does not announce; UINT64_MAX:
	 * never. */
	uint64_t (*next_event)(struct engine *e);

	/* Registers LENGTH bytes at BASE as buffer number INDEX (0, 1, 2 ...), and replaces the
	 * buffer that had this number. Returns 0, or -errno with an error text. NULL if the engine
	 * registers none. */
	int (*register_buffer)(struct engine *e, uint32_t index, void *base, size_t length);
	/* Removes buffer number INDEX. The engine has no command on it. Returns 0 or -errno. */
	int (*unregister_buffer)(struct engine *e, uint32_t index);

	/* Returns how this instance was set up, in words. The text is static, or lives as long as
	 * E. */
	const char *(*describe)(struct engine *e);

	/* Returns the time, if it is not clock_now() but that of a simulation. OPS is this table;
	 * any thread. */
	uint64_t (*now)(const struct engine_ops *ops);
};

/* The first member of every engine instance. */
struct engine {
	const struct engine_ops *ops;
	struct engine_params params;
};

/* Returns SIZE bytes of zeroes with the table and the parameters of PARAMS: an instance, whose
 * first member is a struct engine. close() frees it. NULL: there is no memory. */
static inline void *engine_new(size_t size, const struct engine_params *params)
{
	struct engine *e = calloc(1, size);

	if (e)
		*e = (struct engine){ params->ops, *params };
	return e;
}

extern const struct engine_ops engine_uring, engine_posix, engine_uring_cmd, engine_null;

/* The table of engines in order of preference; a NULL ends it. */
extern const struct engine_ops *const engine_table[];

/*
 * Finds the engine NAME ("auto": the first of the table whose probe succeeds on DEV). WHY gets the
 * reason for the choice or the refusal. Returns 0, -ENOENT or -EOPNOTSUPP; sets weir_error().
 */
int engine_find(const struct engine_ops **ops, const char *name, const struct weir_device *dev,
		char *why, size_t size);

/* Sleeps as wait() does, on FD (which may be -1) and WAKE_FD, with ppoll(). */
void engine_sleep(int fd, int wake_fd, uint64_t deadline);

#endif
