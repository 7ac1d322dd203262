/* SPDX-License-Identifier: Apache-2.0 */
/*
 * weir/io.h - an io: what a program submits to a queue, like the kernel's bio.
 *
 * Caveats
 *   - Offset and length are multiples of the device's logical block.
 *   - A discard on a regular file succeeds and does nothing, because holes would make later writes
 *     slow or impossible.
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
	WEIR_OP_DISCARD = 3,	  /* the contents are undefined afterwards */
	WEIR_OP_WRITE_ZEROES = 4, /* the range reads as zeroes afterwards */
	/* Closes the reclaim unit that `placement` leads to (FDP), so the next write there begins a
	 * new unit. Offset and length are 0, buffers are ignored. */
	WEIR_OP_PLACEMENT_UPDATE = 5,
	WEIR_OP_COUNT = 6,
};

enum weir_io_flags {
	WEIR_IO_FUA = 1 << 0,	     /* the write is on stable media when it ends */
	WEIR_IO_NOWAIT = 1 << 1,     /* it does not wait for a tag: see below */
	WEIR_IO_BACKGROUND = 1 << 2, /* nobody waits for it: not synchronous */
	WEIR_IO_NOMERGE = 1 << 3,    /* it is not merged with others */
	WEIR_IO_PREFLUSH = 1 << 4,   /* earlier ios are on stable media before it begins */
};

/*
 * WEIR_IO_NOWAIT: an io that is split into several commands needs a tag for each of them at once.
 * If it does not get them, it ends with
 *   - -EAGAIN: not enough tags are free now, or the scheduler is being switched. Try again later.
 *   - -EMSGSIZE: it needs more tags than there are (nr_requests). Submit shorter ios, or omit the
 *     flag.
 *
 * In both cases nothing was read or written. These ios are always one command: reads and writes of
 * at most max_io_bytes in at most max_segments pieces of memory (weir_queue_get_info()), however
 * aligned; discards and write-zeroes of at most 1 GiB and the device's own limit. An io that has
 * begun runs to its end: the flush after the data of WEIR_IO_FUA may wait. With WEIR_IO_PREFLUSH
 * tags are needed before the flush and once more after it.
 */

/* Priorities as in ioprio_set(2): class in bits 13-15, level 0 (high) to 7 in bits 0-2. */
#define WEIR_PRIO_RT(level) ((uint16_t)(1u << 13 | (level)))
#define WEIR_PRIO_BE(level) ((uint16_t)(2u << 13 | (level)))
#define WEIR_PRIO_IDLE ((uint16_t)(3u << 13))
#define WEIR_PRIO_DEFAULT WEIR_PRIO_BE(4)

/*
 * An io. Prepare it with weir_io_read() or another function below, then change the fields that
 * should differ. The caller owns its memory, which must neither move nor change from submit until
 * `end`.
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
	uint8_t ring_lost;  /* 1: result is -EIO, as the io_uring ring is gone: reopen the queue */
	uint16_t flags;	    /* enum weir_io_flags */
	uint16_t prio;	    /* WEIR_PRIO_*; 0 means WEIR_PRIO_DEFAULT */
	uint16_t placement; /* FDP placement id, 0 for none */
	uint32_t submitter; /* on whose account: a number for a process, thread or tenant */
	void (*end)(struct weir_io *io); /* may be NULL: use weir_io_wait() */
	void *user;			 /* not used by the queue */
	int32_t result;	 /* valid from `end` on: 0, or -errno of the first part that failed;
			  * -ENODEV: the device was removed and will not come back */
	uint16_t status; /* NVMe status field where the engine has one, else 0 */
	uint16_t cause;	 /* the system's error, where result is -EIO for it: ENODATA (medium) ... */
	/* A time of CLOCK_MONOTONIC in ns by which it should have ended, 0: none. A hint for
	 * schedulers that know deadlines (weir_queue_info.deadlines): nothing ends because of it,
	 * and background ios have none. */
	uint64_t deadline_ns;

	/* The queue's own, from submit until `end`; weir_io_read() and the others clear it. */
	uint64_t priv[11];
};

/*
 * Prepares IO as a read of LENGTH bytes at OFFSET into BUF. Everything else gets its default: no
 * flags, default priority, submitter 0, no `end`. Cannot fail: submit checks the arguments. Any
 * thread.
 */
void weir_io_read(struct weir_io *io, uint64_t offset, void *buf, uint64_t length);
/* As weir_io_read(), for a write; BUF is only read from. */
void weir_io_write(struct weir_io *io, uint64_t offset, const void *buf, uint64_t length);
/* As weir_io_read(), into IOVCNT pieces of memory. IOV must stay valid until `end`. */
void weir_io_readv(struct weir_io *io, uint64_t offset, const struct iovec *iov, uint32_t iovcnt);
/* As weir_io_write(), from IOVCNT pieces of memory. IOV must stay valid until `end`. */
void weir_io_writev(struct weir_io *io, uint64_t offset, const struct iovec *iov, uint32_t iovcnt);
/* Prepares IO as a flush of the device's write cache. */
void weir_io_flush(struct weir_io *io);
/* Prepares IO as a discard of LENGTH bytes at OFFSET. */
void weir_io_discard(struct weir_io *io, uint64_t offset, uint64_t length);
/* Prepares IO as a write of zeroes to LENGTH bytes at OFFSET. */
void weir_io_write_zeroes(struct weir_io *io, uint64_t offset, uint64_t length);
/*
 * Prepares IO to have the drive close the reclaim unit that placement id PLACEMENT leads to. Only
 * NVMe passthrough on a drive with FDP supports it; elsewhere submit returns -EOPNOTSUPP. The io
 * does not go through the scheduler. Writes that had ended before it are in the old unit, and
 * writes that are submitted after its end go to the new one; others may be in either.
 */
void weir_io_placement_update(struct weir_io *io, uint16_t placement);

/*
 * Writes a sentence about the result of IO, which has ended, to BUF of SIZE bytes: operation,
 * offset, length, error and, where there is one, the NVMe status ("write at 0x1f000+4096:
 * Input/output error", "write at 0x1f000+4096: Write Fault (SCT 0x2 SC 0x80), do not retry"). If
 * the queue has lost its ring, the sentence says why, and to reopen the queue. Returns BUF. Any
 * thread.
 */
const char *weir_io_strerror(const struct weir_io *io, char *buf, size_t size);

#ifdef __cplusplus
}
#endif
#endif
