/* SPDX-License-Identifier: Apache-2.0 */
/*
 * progress.h - decides how a command continues after the kernel has moved a part of it.
 *
 * Pure: uses only the command. Each engine that moves bytes uses it, on the thread that has the
 * command.
 */
#ifndef PROGRESS_H
#define PROGRESS_H

#include "engine/engine.h"

/* A command is tried again so often without moving a byte. If the kernel says "again" more often,
 * that is reported as an error. */
#define PROGRESS_RETRIES 1000

enum progress {
	PROGRESS_AGAIN = 0, /* submit the rest again */
	PROGRESS_ENDED = 1, /* it has finished: cmd->result is set */
	/* Submit the rest again after a pause; only engines that can wait get this. */
	PROGRESS_LATER = 2,
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

/* Finishes CMD with RESULT (0 or -errno). */
static inline enum progress progress_end(struct weir_cmd *cmd, int result)
{
	cmd->result = result;
	return PROGRESS_ENDED;
}

/*
 * Removes BYTES from the front of the IOVCNT pieces at IOV. A piece that is used up stays in place
 * with length 0, so neither the array nor its count changes.
 */
void progress_iov_advance(struct iovec *iov, uint32_t iovcnt, uint64_t bytes);

/*
 * Finds the pieces of CMD that are not used up: *IOV points to the first; at most LIMIT of them are
 * counted, at least one.
 */
uint32_t progress_pieces(const struct weir_cmd *cmd, struct iovec **iov, uint32_t limit);

/*
 * Handles an attempt that failed without a need to repeat what was done before. If RES is -EINTR or
 * -EAGAIN and retries are left it returns PROGRESS_AGAIN; otherwise RES finishes CMD.
 */
enum progress progress_attempt(struct weir_cmd *cmd, int64_t res);

/*
 * Takes the result of reading or writing the rest of CMD: RES bytes moved, or -errno. Only whole
 * blocks of BLOCK_BYTES count: the rest of a partly moved block is moved again, because direct I/O
 * cannot begin inside it. A read that moves no block is at the end of the file: -ENODATA.
 */
enum progress progress_moved(struct weir_cmd *cmd, int64_t res, uint32_t block_bytes);

#endif
