/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wire.h - the bytes that go over a control socket. docs/control.md explains them.
 *
 * Both ends are on one machine, so numbers and structs are as the machine has them. A client sends
 * a request: a frame and its body. The owner of the store answers with frames of kind CONTROL_DATA,
 * and one of kind CONTROL_END, which has the result and, if that is an error, words.
 */
#ifndef CONTROL_WIRE_H
#define CONTROL_WIRE_H

#include <stdint.h>

#define CONTROL_VERSION 1u
#define CONTROL_MAGIC 0x52494557u     /* "WEIR" */
#define CONTROL_BODY_MAX 2048u	      /* bytes in the body of a request */
#define CONTROL_DATA_MAX (256u << 10) /* bytes in the body of a frame of an answer */
#define CONTROL_END_MAX 1024u	      /* bytes in the body of the last frame */
#define CONTROL_RELEASE_BYTES 32u

/* What a client asks, and what an answer is made of. The numbers stay. */
enum control_kind {
	CONTROL_HELLO = 1,   /* -> struct control_hello */
	CONTROL_INFO = 2,    /* -> struct weir_store_info, and its strings */
	CONTROL_STATS = 3,   /* -> struct weir_store_stats */
	CONTROL_QUEUE = 4,   /* -> struct weir_queue_info, and its strings */
	CONTROL_STREAM = 5,  /* uint32_t: its number -> struct weir_store_stream */
	CONTROL_TENANT = 6,  /* uint32_t: the row -> struct weir_store_tenant */
	CONTROL_WHY = 7,     /* the key -> struct weir_store_why */
	CONTROL_EXISTS = 8,  /* the key -> uint64_t: the length of its value */
	CONTROL_GET = 9,     /* the key -> the value */
	CONTROL_LIST = 10,   /* a prefix -> struct control_entry and a key, again and again */
	CONTROL_DEVICE = 11, /* uint32_t: its number -> struct weir_store_device, and its strings */
	CONTROL_DEVICE_STATS = 12, /* uint32_t: its number -> struct weir_store_stats */
	CONTROL_METRICS = 13,	   /* uint32_t: enum weir_metrics_format -> the text, in frames */
	CONTROL_SHARE = 14,	   /* -> struct share_offer; from then on as share.h says */
	CONTROL_ADD_TENANT = 15,   /* the name of a tenant -> uint32_t: its stream */
	CONTROL_LOAD = 16,	   /* -> what was done, as lines of text, in frames */
	CONTROL_DATA = 100,
	CONTROL_END = 101,
};

struct control_frame {
	uint32_t magic;
	uint16_t version;
	uint16_t kind;	 /* enum control_kind */
	uint32_t length; /* bytes of the body, which follows */
	int32_t result;	 /* CONTROL_END: 0 or -errno; else 0 */
};

struct control_hello {
	uint8_t uuid[16];
	uint32_t pid;
	char release[CONTROL_RELEASE_BYTES]; /* of the owner's library, "0.2.0" */
};

/* An entry of a listing; the key follows. No entry continues in another frame. An entry without a
 * key comes last if keys are missing: `sequence` are the keys that damaged headers hide, and
 * `value_len` those whose headers could not be read. */
struct control_entry {
	uint64_t sequence;
	uint64_t value_len;
	uint32_t stream;
	uint32_t key_len;
};

#endif
