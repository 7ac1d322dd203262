/* SPDX-License-Identifier: Apache-2.0 */
/*
 * share.h - the bytes on a connection by which another process uses a store. docs/control.md
 * explains them.
 *
 * After CONTROL_SHARE and its answer the client sends a struct share_begin, and with it the
 * descriptor of the memory for values (arena.h). Then it sends requests without waiting for
 * answers, and the owner answers each when it has ended, in any order. Values lie in the memory
 * that both have, so that neither sends them.
 */
#ifndef CONTROL_SHARE_H
#define CONTROL_SHARE_H

#include <stdint.h>

#define SHARE_SLOTS 256u	  /* requests of a client that have no answer yet */
#define SHARE_KEY_MAX 1024u	  /* bytes in a key, and in a request behind its struct */
#define SHARE_TAG_BEGUN 0xffffffu /* of the answer to struct share_begin */

/* Kinds of requests beside those of enum weir_store_op_kind. */
enum share_kind {
	SHARE_LEASE = 50, /* an exists that leases what is there, for LEFT_NS */
	SHARE_PING = 51,  /* answered at once: the owner is alive */
};

struct share_offer {
	uint32_t slots;
	uint32_t reserved;
	uint64_t max_value;  /* bytes in the longest value of the store */
	uint64_t max_memory; /* bytes of memory that the client may give */
};

struct share_begin {
	uint64_t arena_bytes;
};

struct share_request {
	uint32_t kind;
	uint32_t flags; /* of the operation */
	uint32_t tag;	/* the client's: it is in the answer */
	uint32_t key_len;
	uint64_t offset;  /* put, get: where the value begins in the memory */
	uint64_t length;  /* put: bytes of the value; get: room for it */
	uint64_t left_ns; /* until the deadline, or the end of the lease; 0: none */
	uint32_t submitter;
	uint16_t prio;
	uint16_t stream;
};

struct share_answer {
	uint32_t tag;
	int32_t result;	 /* 0 or -errno */
	uint64_t length; /* get, exists, lease: of the value */
};

#endif
