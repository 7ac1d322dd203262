/* SPDX-License-Identifier: Apache-2.0 */
/*
 * read_parts.h - a value on its way from the device, in parts.
 */
#ifndef STORE_READ_PARTS_H
#define STORE_READ_PARTS_H

#include "store/store.h"

struct read_req;

/* A part of a value, with an io of its own. */
struct read_part {
	struct sio sio;
	struct read_req *req;
	struct iovec *iov; /* where the device reads to */
	uint32_t count;	   /* of these */
	uint32_t bytes;	   /* whole blocks */
	bool arrived;
};

/* A value that is read. */
struct read_req {
	LIST_ENTRY(read_req) link; /* those with a deadline */
	struct weir_store_op *op;  /* NULL: it has ended, because its deadline came */
	struct segment *seg;
	struct index_value value;
	bool again; /* this is the second try */
	/* Called when no io is under way any more. */
	void (*done)(struct weir_store *s, struct read_req *req);

	/* The rest belongs to read_parts.c. */
	uint8_t *own; /* memory of the store's for what is copied */
	size_t own_bytes;
	int result;	    /* the first error of an io */
	uint32_t count;	    /* of parts */
	uint32_t busy;	    /* parts that are under way */
	uint32_t verified;  /* parts whose checksum is computed: all in front of this one */
	struct pieces rest; /* the value from there on */
	uint64_t sum;	    /* of the whole value, when it has arrived */
	struct checksum_stream stream;
	struct read_part parts[];
};

/* Returns a request to read the value of OP that the index has at VALUE; NULL: there is no memory.
 * The caller frees it with read_parts_free(). */
struct read_req *read_parts_new(struct weir_store *s, struct weir_store_op *op,
				const struct index_value *value);
void read_parts_free(struct weir_store *s, struct read_req *req);

/* Submits the ios of REQ, of which none is under way. When all have ended, req->done is called. */
void read_parts_submit(struct weir_store *s, struct read_req *req);
/* Withdraws those that the drive does not have. */
void read_parts_cancel(struct weir_store *s, struct read_req *req);

/* Returns 0 if what was read is the value that was put, -EBADMSG if not, or the error of an io. */
int read_parts_result(const struct read_req *req);

#endif
