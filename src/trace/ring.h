/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ring.h - how records leave a lane: in chunks, which a thread of the trace takes to a file.
 *
 * The lane's owner fills a chunk without a lock, and gives it away when it is full. A trace has a
 * limit for chunks. If all of them wait for the disk, the records of the next chunk are lost, or
 * the lane waits if it is lossless.
 */
#ifndef TRACE_RING_H
#define TRACE_RING_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "trace/record.h"

#define RING_RECORDS 1023u

/* As it lies in the spool: the header, then `count` records. */
struct ring_chunk {
	uint32_t lane, count;
	uint64_t first_queued; /* the earliest time of its records */
	TAILQ_ENTRY(ring_chunk) link;
	uint64_t pad[4];
	struct trace_record record[RING_RECORDS];
};

_Static_assert(sizeof(struct ring_chunk) == 64u << 10, "a chunk has 64 KiB");

TAILQ_HEAD(ring_chunks, ring_chunk);

struct ring {
	pthread_mutex_t lock;
	pthread_cond_t filled, emptied;
	struct ring_chunks full, free;
	uint32_t nr, most; /* chunks that exist, and that may */
	bool stop, writer_waits;
	uint64_t lost;
	int err; /* the first error of a write */
	int fd;	 /* of the spool */
	pthread_t writer;
	bool runs;
};

/* A lane's end of a ring. `at` and `end` are the owner's. */
struct ring_lane {
	struct trace_record *at, *end;
	struct ring_chunk *chunk; /* NULL: records are lost now */
	struct ring *ring;
	struct ring_chunk *scratch; /* takes records that are lost */
	uint32_t lane;
	bool lossless;
};

/* Makes RING, with a thread that writes chunks to FD. 0 or -errno without words. */
int ring_init(struct ring *ring, int fd, uint64_t buffer_bytes);
/* Waits until all chunks are written, and ends the thread. Returns the first error. */
int ring_finish(struct ring *ring);
/* Frees memory; the thread has ended, or is another process's. */
void ring_destroy(struct ring *ring);

/* Makes L the end of lane number LANE. 0 or -ENOMEM. */
int ring_lane_init(struct ring_lane *l, struct ring *ring, uint32_t lane, bool lossless);
/* Gives away the records that L has. */
void ring_lane_flush(struct ring_lane *l);
/* Frees memory of L; what it had is given away, or is another process's. */
void ring_lane_destroy(struct ring_lane *l);
/* Gives the full chunk of L away and takes another. */
void ring_lane_next(struct ring_lane *l);

/* Returns the next record of L, which the caller fills in. The owner. */
static inline struct trace_record *ring_record(struct ring_lane *l)
{
	if (__builtin_expect(l->at == l->end, 0))
		ring_lane_next(l);
	return l->at++;
}

#endif
