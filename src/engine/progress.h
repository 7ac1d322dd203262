/* SPDX-License-Identifier: Apache-2.0 */
/*
 * progress.h - how a command goes on after the kernel moved a part of it.
 *
 * Pure: works on the command alone. Used by each engine that moves bytes, on whatever thread
 * holds the command.
 */
#ifndef PROGRESS_H
#define PROGRESS_H

#include "engine/engine.h"

/* So often a command is offered again without having moved a byte; a kernel that says "again"
 * for longer has an error to report. */
#define PROGRESS_RETRIES 1000

enum progress {
	PROGRESS_AGAIN = 0, /* offer what is left */
	PROGRESS_ENDED = 1, /* cmd->result is set */
	PROGRESS_LATER = 2, /* offer what is left after a pause; from engines that can wait */
};

/* Makes CMD ready for its first attempt. */
static inline void progress_begin(struct weir_cmd *cmd)
{
	cmd->e_done = 0;
	cmd->status = 0;
	cmd->ring_lost = 0;
	cmd->resubmits = 0;
	cmd->e_waits = 0;
}

/* Ends CMD with RESULT (0 or -errno). */
static inline enum progress progress_end(struct weir_cmd *cmd, int result)
{
	cmd->result = result;
	return PROGRESS_ENDED;
}

/*
 * Takes BYTES off the front of the IOVCNT pieces at IOV. What is used up stays in place with
 * length 0, so that neither the array nor its count changes.
 */
void progress_iov_advance(struct iovec *iov, uint32_t iovcnt, uint64_t bytes);

/*
 * The pieces of CMD that still hold something: *IOV points to the first, at most LIMIT of them
 * are counted. At least one is returned.
 */
uint32_t progress_pieces(const struct weir_cmd *cmd, struct iovec **iov, uint32_t limit);

/*
 * An attempt that was not finished, and of which no part need be repeated: RES is -EINTR or
 * -EAGAIN while retries are left (PROGRESS_AGAIN), or what ends CMD.
 */
enum progress progress_attempt(struct weir_cmd *cmd, int64_t res);

/*
 * Takes the result of reading or writing what was left of CMD: RES bytes moved, or -errno.
 * Only whole blocks of BLOCK_BYTES count: the rest of a torn block is moved again, as direct I/O
 * could not begin inside it. A read that brings no block has met the end of the file: -ENODATA.
 */
enum progress progress_moved(struct weir_cmd *cmd, int64_t res, uint32_t block_bytes);

#endif
