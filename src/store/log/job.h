/* SPDX-License-Identifier: Apache-2.0 */
/*
 * job.h - a job: work on a segment in steps. Each step begins when the io or flush of the step
 * before has ended.
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
	void (*next)(struct job *job, int result); /* the next step */
	int result;
	bool awaited; /* puts wait for it: its ios are not those of reclaiming */
	bool unread;  /* it waits until nobody reads its segment */
	bool ended;   /* the io or flush has ended, and the turn has not seen it yet */
};

/* Initializes JOB as one of L's jobs. */
void job_init(struct job *job, struct log *l);
/* Begins work on SEG. JOB was idle; it may have memory already. */
void job_begin(struct job *job, struct segment *seg);
/* Ends the work of JOB, which is then idle. Returns the segment that it worked on. */
struct segment *job_end(struct job *job);
/* Takes memory of BYTES, with undefined contents. Returns 0 or -ENOMEM. */
int job_take_memory(struct job *job, size_t bytes);
void job_drop_memory(struct job *job);
/* Reads into (writes from) the memory of JOB, from BLOCK of its segment on. NEXT is the next
 * step. */
void job_read(struct job *job, uint32_t block, void (*next)(struct job *job, int result));
/* Reads only BYTES, which may be fewer than the job has memory for. */
void job_read_part(struct job *job, uint32_t block, size_t bytes,
		   void (*next)(struct job *job, int result));
void job_write(struct job *job, uint32_t block, void (*next)(struct job *job, int result));
/* Reads into (writes from) the memory of JOB, at byte OFFSET of the device. */
void job_read_at(struct job *job, uint64_t offset, void (*next)(struct job *job, int result));
void job_write_at(struct job *job, uint64_t offset, void (*next)(struct job *job, int result));
void job_discard(struct job *job, uint32_t block, void (*next)(struct job *job, int result));
/* Waits for a flush that is submitted after this call. NEXT is the next step. */
void job_flush(struct job *job, void (*next)(struct job *job, int result));
/* Waits for the next flush that somebody else asks for. NEXT is the next step. */
void job_join_flush(struct job *job, void (*next)(struct job *job, int result));
/* Waits until the reads of its segment that are under way have ended. NEXT is the next step. */
void job_wait_unread(struct job *job, void (*next)(struct job *job, int result));
/* Waits for job_wake(), which gives NEXT, the next step, its RESULT. */
void job_wait(struct job *job, void (*next)(struct job *job, int result));
void job_wake(struct job *job, int result);
void job_continue(struct job *job);
/* Runs the next step if the io, flush or reads before it have ended. Called in the turn. */
static inline void job_run(struct job *job)
{
	if (job->ended || job->unread)
		job_continue(job);
}

#endif
