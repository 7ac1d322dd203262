/* SPDX-License-Identifier: Apache-2.0 */
/*
 * survive.h - survivors: entries of a segment that is reclaimed, which are appended again.
 */
#ifndef STORE_LOG_SURVIVE_H
#define STORE_LOG_SURVIVE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/container.h"
#include "store/log/index.h"
#include "store/log/job.h"

struct logs;
struct segment;
struct survive;

/* One entry on its way from its segment to the end of its log. It is admitted like a put, but keeps
 * its sequence number. */
struct survivor {
	struct weir_store_op op; /* its kind is OP_SURVIVOR; its `end` frees the survivor */
	struct sio sio;
	struct survive *of;
	uint64_t position; /* where it lives until it is published */
	uint64_t sequence;
	uint64_t checksum; /* of the payload at its old place */
	size_t buf_bytes;
	uint8_t tries;
	bool bad;	 /* its payload could not be read, or did not verify */
	bool unread;	 /* a read of it failed, so it may be intact */
	bool keeps_read; /* it is moved only because its segment is nearly empty */
	uint8_t key[];
};

/* What may be kept of a segment. */
struct survive_rule {
	bool all;	 /* everything that lives in it */
	uint64_t budget; /* otherwise, so many bytes of entries that were read; and held ones */
};

/* Appends what should survive of the segment of a job, part by part, so that the memory is
 * bounded. */
struct survive {
	struct job job;
	struct survive_rule rule;
	void (*next)(struct job *job, int result); /* the step after the last survivor */
	uint32_t block;				   /* the batch that is looked at */
	uint32_t handled;      /* records of this batch that were handled in an earlier part */
	uint64_t need;	       /* set if the header of a batch is longer than the window */
	size_t window_bytes;   /* read into the memory of the job */
	struct op_list chosen; /* the survivors of this part */
	uint64_t chosen_bytes;
	uint64_t payload_bytes, cost_bytes; /* of all survivors; the latter with their records */
	uint32_t reading;		    /* payloads being read */
	uint32_t under_way;		    /* survivors that wait for admission or are admitted */
	uint8_t tries;			    /* of the header at `block` */
	bool scanning;			    /* there was no header where one should be */
	bool stop;			    /* this part is full */
	bool hidden; /* batch headers could not be read, and may have entries that live here */
	bool unread; /* an entry that should survive could not be read, and may be intact */
	int error;
};

static inline struct survivor *survivor_of(struct weir_store_op *op)
{
	return container_of(op, struct survivor, op);
}

/* Returns true if a footer (BYTES at BUF) of SEG names an entry that RULE keeps, or if that cannot
 * be told because BUF is no footer of it. Entries that are not kept cannot be held any more. */
bool survive_expected(struct logs *ls, const struct segment *seg, struct survive_rule rule,
		      const void *buf, size_t bytes);
/* Appends again what V->rule keeps of the segment of V->job. NEXT is the next step of the job; its
 * result is not 0 if an entry that should survive could not be written, and -ECANCELED if the store
 * is closed before all of them were. */
void survive_begin(struct survive *v, void (*next)(struct job *job, int result));

#endif
