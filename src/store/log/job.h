/* SPDX-License-Identifier: Apache-2.0 */
/*
 * job.h - work on a segment in steps, each begun when the io or the flush before it has ended.
 */
#ifndef STORE_LOG_JOB_H
#define STORE_LOG_JOB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "store/io/io.h"

struct log;
struct segment;

struct job {
	struct sio sio;
	struct flush_waiter flushed;
	struct log *log;
	struct segment *seg; /* NULL: the job is idle */
	void *buf;
	size_t bytes;
	void (*next)(struct job *job, int result); /* the step after what is under way */
	int result;
	bool unread; /* it waits until nobody reads the segment */
	bool ended;  /* what was under way has ended, and the turn has not seen it yet */
};

/* Makes JOB one of L's. */
void job_init(struct job *job, struct log *l);
/* JOB, which was idle, works on SEG. It may have memory already. */
void job_begin(struct job *job, struct segment *seg);
/* JOB is idle again; the segment that it worked on. */
struct segment *job_end(struct job *job);
/* Takes memory for BYTES, contents undefined: 0 or -ENOMEM. */
int job_take_memory(struct job *job, size_t bytes);
void job_drop_memory(struct job *job);
/* Reads into, or writes from, the memory of JOB: blocks from BLOCK of its segment on. */
void job_read(struct job *job, uint32_t block, void (*next)(struct job *job, int result));
void job_write(struct job *job, uint32_t block, void (*next)(struct job *job, int result));
void job_discard(struct job *job, uint32_t block, void (*next)(struct job *job, int result));
/* Waits for a flush that is submitted from now on. */
void job_flush(struct job *job, void (*next)(struct job *job, int result));
/* Waits until the reads of its segment that are under way have ended. */
void job_wait_unread(struct job *job, void (*next)(struct job *job, int result));
void job_continue(struct job *job);
/* Runs the next step if what was under way has ended. A part of the turn. */
static inline void job_run(struct job *job)
{
	if (job->ended || job->unread)
		job_continue(job);
}

#endif
