/* SPDX-License-Identifier: Apache-2.0 */
/*
 * weir/io.h - one I/O: what a program submits to a queue, the kernel's bio.
 *
 * Caveats
 *   - Offset and length are multiples of the device's logical block.
 *   - A discard on a regular file succeeds and does nothing: holes make later writes slow or
 *     impossible.
 */
#ifndef WEIR_IO_H
#define WEIR_IO_H

#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#ifdef __cplusplus
extern "C" {
#endif

enum weir_op {
	WEIR_OP_READ = 0,
	WEIR_OP_WRITE = 1,
	WEIR_OP_FLUSH = 2,	  /* offset, length and buffers are ignored */
	WEIR_OP_DISCARD = 3,	  /* contents undefined afterwards */
	WEIR_OP_WRITE_ZEROES = 4, /* reads as zeroes afterwards */
	/* Closes the reclaim unit that `placement` leads to (FDP): what is written there next
	 * begins a new one. Offset and length are 0, buffers are ignored. */
	WEIR_OP_PLACEMENT_UPDATE = 5,
	WEIR_OP_COUNT = 6,
};

enum weir_io_flags {
	WEIR_IO_FUA = 1 << 0,	     /* a write that is on stable media when it ends */
	WEIR_IO_NOWAIT = 1 << 1,     /* never waits for a tag: see below */
	WEIR_IO_BACKGROUND = 1 << 2, /* not synchronous: nobody waits for it */
	WEIR_IO_NOMERGE = 1 << 3,    /* keep it a request of its own */
	WEIR_IO_PREFLUSH = 1 << 4,   /* begin it when what had ended before is on stable media */
};

/*
 * WEIR_IO_NOWAIT: an io that is longer than one command takes a tag for each of its commands, all
 * at once. The result (through `end`) is
 *   -EAGAIN    there are not so many now, or the scheduler is being switched: try again later;
 *   -EMSGSIZE  it takes more than there ever are (nr_requests): cut it, or do without the flag.
 * In both cases nothing of it was read or written. What always is one command: reads and writes of
 * at most max_io_bytes in at most max_segments pieces (weir_queue_get_info()), whatever their
 * alignment; discards and write-zeroes of at most 1 GiB and the device's own limit. Once begun it
 * goes to its end: the flush of WEIR_IO_FUA after the data may wait. For WEIR_IO_PREFLUSH tags are
 * looked for before the flush, and again after it.
 */

/* Priorities as in ioprio_set(2): class in bits 13-15, level 0 (high) to 7 in bits 0-2. */
#define WEIR_PRIO_RT(level) ((uint16_t)(1u << 13 | (level)))
#define WEIR_PRIO_BE(level) ((uint16_t)(2u << 13 | (level)))
#define WEIR_PRIO_IDLE ((uint16_t)(3u << 13))
#define WEIR_PRIO_DEFAULT WEIR_PRIO_BE(4)

/*
 * One I/O. Prepare it with weir_io_read() and its kin, then change what should differ. The
 * caller owns the memory; it must stay put from submit until `end`.
 */
struct weir_io {
	uint64_t offset; /* bytes from the start of the device */
	uint64_t length; /* bytes; of all iovecs together */
	union {
		void *buf;		 /* iovcnt == 0 */
		const struct iovec *iov; /* iovcnt > 0 */
	};
	uint32_t iovcnt;
	uint8_t op;	    /* enum weir_op */
	uint8_t ring_lost;  /* 1: result is -EIO as the queue's io_uring ring is gone: reopen it */
	uint16_t flags;	    /* enum weir_io_flags */
	uint16_t prio;	    /* WEIR_PRIO_*; 0 means WEIR_PRIO_DEFAULT */
	uint16_t placement; /* FDP placement id, 0 for none */
	uint32_t submitter; /* who is accounted: process, thread or tenant */
	void (*end)(struct weir_io *io); /* may be NULL: use weir_io_wait() */
	void *user;			 /* the caller's own */
	int32_t result;	 /* from `end` on: 0 or -errno, of the first part that failed;
			  * -ENODEV: the device was removed, and does not come back */
	uint16_t status; /* NVMe status field where the engine has one, else 0 */
	uint16_t cause;	 /* the system's error where result is -EIO for it: ENODATA (medium) ... */

	/* The queue's own, from submit until `end`; weir_io_read() and its kin clear it. */
	uint64_t priv[12];
};

/*
 * Prepare IO for one operation, everything else at its default (no flags, default priority,
 * submitter 0, no `end`). LENGTH and OFFSET are bytes. Any thread; cannot fail: what is wrong
 * with the arguments is said at submit.
 */
void weir_io_read(struct weir_io *io, uint64_t offset, void *buf, uint64_t length);
/* As weir_io_read(), for a write; BUF is only read from. */
void weir_io_write(struct weir_io *io, uint64_t offset, const void *buf, uint64_t length);
/* As weir_io_read(), into IOVCNT pieces of memory. IOV must stay valid until `end`. */
void weir_io_readv(struct weir_io *io, uint64_t offset, const struct iovec *iov, uint32_t iovcnt);
/* As weir_io_write(), from IOVCNT pieces of memory. IOV must stay valid until `end`. */
void weir_io_writev(struct weir_io *io, uint64_t offset, const struct iovec *iov, uint32_t iovcnt);
/* Prepare IO as a flush of the device's write cache. */
void weir_io_flush(struct weir_io *io);
/* Prepare IO as a discard of LENGTH bytes at OFFSET. */
void weir_io_discard(struct weir_io *io, uint64_t offset, uint64_t length);
/* Prepare IO to make LENGTH bytes at OFFSET read as zeroes. */
void weir_io_write_zeroes(struct weir_io *io, uint64_t offset, uint64_t length);
/*
 * Prepare IO to have the drive close the reclaim unit that placement id PLACEMENT leads to. Only
 * NVMe passthrough on a drive with FDP can (submit says -EOPNOTSUPP elsewhere). It passes the
 * scheduler by, and like a flush it is ordered against nothing: writes that had ended before are in
 * the old unit, those that are submitted after its end go to the new one.
 */
void weir_io_placement_update(struct weir_io *io, uint16_t placement);

/*
 * Writes a sentence about the result of IO to BUF: operation, offset, length, error and, where
 * there is one, the NVMe status ("write at 0x1f000+4096: Input/output error", "write at
 * 0x1f000+4096: Write Fault (SCT 0x2 SC 0x80), do not retry"). Where the queue has lost its ring it
 * says why, and to reopen the queue. Returns BUF.
 */
const char *weir_io_strerror(const struct weir_io *io, char *buf, size_t size);

#ifdef __cplusplus
}
#endif
#endif
