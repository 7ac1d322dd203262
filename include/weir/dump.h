/* SPDX-License-Identifier: Apache-2.0 */
/*
 * weir/dump.h - shows what is on the device of a store that nobody has open, piece by piece, for
 * people who look for a key or a fault.
 */
#ifndef WEIR_DUMP_H
#define WEIR_DUMP_H

#include <stddef.h>
#include <stdint.h>

#include <weir/base.h>

#ifdef __cplusplus
extern "C" {
#endif

struct weir_trace;

/* A superblock copy. */
struct weir_dump_super {
	size_t size;	   /* sizeof the library's struct: fields beyond it are absent */
	uint32_t copy;	   /* 1 or 2 */
	uint32_t counts;   /* 1: this copy says what the store is */
	const char *state; /* "valid", "absent", "damaged", "version" or "unreadable". Static. The
			    * fields below are 0 if it is not valid */
	uint64_t offset;
	uint8_t uuid[16];
	uint64_t revision, epoch, created_ns; /* CLOCK_REALTIME */
	uint64_t device_bytes, capacity_bytes, segment_bytes, segments;
	uint32_t block_bytes, streams, tenants, out_of_use; /* out_of_use: segments */
	uint32_t device, devices; /* its number, from 1 on, and how many the store has */
	const char *path;	  /* of the device. Valid during the callback */
};

/* A segment: its header, and what its content comes to. */
struct weir_dump_segment {
	size_t size;
	uint32_t segment;   /* its number */
	uint32_t stream;    /* of a used one */
	const char *state;  /* "used", "free", "damaged", "unreadable", "out of use" or "set aside".
			     * Static */
	const char *footer; /* of a used one: "valid", "none" or "damaged"; else "". Static */
	uint64_t offset;
	uint64_t epoch, counter; /* its generation */
	uint64_t sequence, time_ns;
	uint64_t batches, records, live_records, live_bytes;
	uint32_t end_block; /* behind the last batch */
	uint32_t device;    /* its number, from 1 on */
};

/* A batch. */
struct weir_dump_batch {
	size_t size;
	uint32_t segment, block, blocks, records;
	const char *state; /* "valid", "damaged" or "unreadable". Static */
	uint64_t offset;
	uint64_t time_ns;		   /* when it was written, CLOCK_REALTIME */
	uint64_t mark_epoch, mark_counter; /* its watermark */
	uint32_t mark_block;
	uint32_t freed;	 /* 1: left over in a segment that was freed */
	uint32_t device; /* its number, from 1 on */
	uint32_t reserved;
};

/* A record: a version of a key, or its tombstone. */
struct weir_dump_record {
	size_t size;
	uint32_t segment, batch_block; /* of its batch */
	uint32_t block;		       /* of its payload */
	uint32_t stream;
	uint64_t offset, length; /* of its payload, bytes */
	uint64_t sequence, checksum;
	uint64_t epoch, time_ns; /* of its segment, and of its batch */
	uint64_t hash[2];
	const void *key; /* NULL: not known. Valid during the callback */
	uint32_t key_len;
	uint32_t live;	    /* 1: it is the value that a get finds */
	uint32_t tombstone; /* 1: the key was deleted */
	uint32_t struck;    /* 1: its footer says that it counts as a tombstone */
	uint32_t again;	    /* 1: it was appended again, with its old sequence number */
	uint32_t freed;	    /* 1: left over in a segment that was freed */
	uint32_t device;    /* its number, from 1 on */
	uint32_t reserved;
};

/* Options of weir_store_dump(). Start from WEIR_DUMP_OPTS_INIT; 0 and NULL mean the default. */
struct weir_dump_opts {
	size_t size;
	const char *engine; /* the queue's */
	const char *engine_opts;
	uint64_t lock_wait_ns; /* how long to wait for another process's lock; 0: not at all */
	uint32_t one_segment;  /* 1: only the segment with number SEGMENT */
	uint32_t segment;
	uint32_t one_batch; /* 1: and of it only the batch at block BATCH */
	uint32_t batch;
	const void *key; /* only records of this key; NULL: all */
	uint32_t key_len;
	uint32_t freed; /* 1: also what is left over in free segments */
	/* They are called on the calling thread, in the order of the logs; a batch follows its
	 * segment, a record its batch. May be NULL. */
	void (*super)(void *user, const struct weir_dump_super *super);
	void (*on_segment)(void *user, const struct weir_dump_segment *segment);
	void (*on_batch)(void *user, const struct weir_dump_batch *batch);
	void (*on_record)(void *user, const struct weir_dump_record *record);
	void *user;
	struct weir_trace *trace; /* of the queues (weir/trace.h); NULL: none */
};

#define WEIR_DUMP_OPTS_INIT WEIR_INIT_SIZED(struct weir_dump_opts)

/*
 * Goes through the store on PATH, which nobody may have open for writing, and calls back for each
 * structure. PATH names one device, or several of one store ("A,B,C"): these come one after
 * another, in the order of their numbers. Values are not read. Nothing is written.
 * Errors: those of weir_store_open(), -EINVAL (no device has such a segment). Blocks; any thread,
 * but no callback.
 */
int weir_store_dump(const char *path, const struct weir_dump_opts *opts);

#ifdef __cplusplus
}
#endif
#endif
