/* SPDX-License-Identifier: Apache-2.0 */
/*
 * format.h - the bytes on the device, as docs/format.md describes them.
 *
 * Everything is little-endian and packed. Code reads a field of a disk_ struct with le*toh() and
 * writes it with htole*(). Each structure except the footer entry and the record begins with a
 * magic number and a checksum of everything behind the checksum. Owns nothing.
 */
#ifndef FORMAT_H
#define FORMAT_H

#include <assert.h>
#include <endian.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DISK_VERSION 1u

/* The features that this code knows. Unknown compatible features are ignored. With an unknown
 * read-only compatible feature the store can only be opened read-only; with an unknown incompatible
 * one it cannot be opened. */
#define DISK_COMPAT_KNOWN 0ull
#define DISK_RO_COMPAT_OUT 1ull	  /* segments are out of use: see `out` of the superblock */
#define DISK_RO_COMPAT_ASIDE 2ull /* ... and entries of some count: see `out_aside` */
#define DISK_RO_COMPAT_KNOWN (DISK_RO_COMPAT_OUT | DISK_RO_COMPAT_ASIDE)
#define DISK_INCOMPAT_KNOWN 0ull

/* The room at each end of the device for one superblock copy. It is large enough for any block
 * size, and the second copy can be found from the size of the device alone. */
#define DISK_SUPER_ROOM 65536u
#define DISK_SUPER_BYTES 4096u
#define DISK_SECRET_BYTES 192u
#define DISK_STREAMS 32u
#define DISK_TENANTS 64u
#define DISK_NAME_BYTES 32u
#define DISK_OUT_MAX 24u
#define DISK_KEY_MAX 1024u /* as WEIR_KEY_MAX */
#define DISK_STRIKES 45u   /* in the header of a segment */

#define DISK_SUPER_MAGIC 0x3150555372696577ull	 /* "weirSUP1" */
#define DISK_SEGMENT_MAGIC 0x3147455372696577ull /* "weirSEG1" */
#define DISK_BATCH_MAGIC 0x3154414272696577ull	 /* "weirBAT1" */
#define DISK_FOOTER_MAGIC 0x31544f4672696577ull	 /* "weirFOT1" */
#define DISK_STRIKES_MAGIC 0x3152545372696577ull /* "weirSTR1" */

/* The bytes before this one are magic number and checksum; a checksum covers what follows. */
#define DISK_CHECKSUM_FROM 16u

enum disk_stream_flags {
	DISK_STREAM_PLACED = 1 << 0, /* the field `placement` is valid */
};

/* One stream. */
struct disk_stream {
	uint32_t id;
	uint32_t placement; /* id on the drive */
	uint32_t share;	    /* 0: none is set */
	uint32_t flags;	    /* enum disk_stream_flags */
} __attribute__((packed, aligned(8)));

/* Which stream the new keys of a tenant go to. */
struct disk_tenant {
	uint64_t tenant; /* the low half of the identity of its name */
	uint32_t stream;
	uint32_t flags;
} __attribute__((packed, aligned(8)));

/* Which entries leave a full store; 0 counts as DISK_POLICY_CLOCK. */
enum disk_policy {
	DISK_POLICY_CLOCK = 1,
	DISK_POLICY_FIFO = 2,
};

/* A superblock copy. */
struct disk_super {
	uint64_t magic;
	uint64_t checksum;
	uint32_t version;
	uint32_t copy; /* 1 or 2 */
	uint64_t compat;
	uint64_t ro_compat;
	uint64_t incompat;
	uint8_t uuid[16];
	uint64_t revision;
	uint64_t epoch;
	uint64_t created_ns; /* CLOCK_REALTIME */
	uint32_t device_index;
	uint32_t device_count;
	uint64_t device_bytes;	 /* the second copy is at the end of these bytes */
	uint64_t capacity_bytes; /* the part of device_bytes that the store uses */
	uint64_t data_offset;	 /* where segment 0 begins */
	uint64_t segment_bytes;
	uint64_t segments;
	uint32_t block_bytes;
	uint32_t streams;
	uint32_t tenants;
	uint32_t placement; /* 1: streams go to placement ids of their own */
	uint8_t secret[DISK_SECRET_BYTES];
	struct disk_stream stream[DISK_STREAMS];
	struct disk_tenant tenant[DISK_TENANTS];
	/* Names of the tenants, shortened to this length; only people read them. */
	uint8_t name[DISK_TENANTS][DISK_NAME_BYTES];
	uint64_t sequence_floor;    /* every record from now on has a higher sequence number */
	uint32_t policy;	    /* enum disk_policy */
	uint32_t rewrite_percent;   /* of a segment may be appended again when it is reclaimed */
	uint64_t write_budget;	    /* bytes a day; 0: none */
	uint64_t budget_spent;	    /* bytes, at budget_time_ns */
	uint64_t budget_time_ns;    /* CLOCK_REALTIME */
	uint32_t out_count;	    /* entries in use of `out` */
	uint32_t out[DISK_OUT_MAX]; /* segments that could not be read: never freed or reused */
	/* Marks of the free segments, in percent; 0: the default. A low mark of all ones: none. */
	uint32_t free_low, free_high;
	/* Bit n: what the footer of segment out[n] names is in the store, if it is not struck. */
	uint32_t out_aside;
	uint8_t reserved[16];
} __attribute__((packed, aligned(8)));

enum disk_state {
	DISK_USED = 1,
	DISK_FREE = 2,
};

/* The header of a segment: one block, of which the first 128 bytes are used, and the next 384 if
 * the segment has strikes. These bytes fit in one sector of any drive, so after a power cut they
 * are all new or all old. */
struct disk_segment {
	uint64_t magic;
	uint64_t checksum;
	uint8_t uuid[16];
	uint64_t epoch;
	uint64_t counter;
	uint32_t device;
	uint32_t segment;
	uint32_t state; /* enum disk_state */
	uint32_t stream;
	uint64_t unused;   /* 0; weir 0.1 wrote the segment before this one in its log */
	uint64_t sequence; /* the store's next sequence number when this was written */
	uint64_t time_ns;  /* CLOCK_REALTIME */
	uint8_t reserved[40];
} __attribute__((packed, aligned(8)));

/* Records that do not count: those of puts whose payloads begin in blocks FROM to TO. */
struct disk_strike {
	uint32_t from; /* and bit 31: dropped; otherwise struck */
	uint32_t to;
} __attribute__((packed, aligned(4)));

/* The strikes of a segment whose footer could not be written; or zeroes. They lie behind its
 * header. */
struct disk_strikes {
	uint64_t magic;
	uint64_t checksum;
	uint32_t count;
	uint32_t reserved;
	struct disk_strike strike[DISK_STRIKES];
} __attribute__((packed, aligned(8)));

/* The header of a batch. Behind it come `count` records. */
struct disk_batch {
	uint64_t magic;
	uint64_t checksum;
	uint64_t epoch;
	uint64_t counter;
	uint32_t segment;
	uint32_t block;	       /* of this header, in its segment */
	uint32_t header_bytes; /* this struct and the records, before padding to a block */
	uint32_t blocks;       /* headers and payloads */
	uint32_t count;
	uint32_t flags;
	uint64_t mark_epoch; /* the durable watermark of the log */
	uint64_t mark_counter;
	uint32_t mark_block;
	uint32_t device;
	uint64_t time_ns;
	uint8_t reserved[40];
} __attribute__((packed, aligned(8)));

enum disk_record_flags {
	DISK_TOMBSTONE = 1 << 0,
	DISK_AGAIN = 1 << 1, /* appended again, with its old sequence number */
};
#define DISK_RECORD_KNOWN (DISK_TOMBSTONE | DISK_AGAIN)
/* A mark in the flags of a footer entry: the record lost a conflict with a newer record in another
 * log, and counts as a tombstone. The mark does not change any checksum, so the footer is valid
 * both before and after it is set. It has several bits, so that one wrong bit does not make it. */
#define DISK_STRUCK 0x5ac0u

/* One record of a batch. Behind it come key_len bytes of key, padded with zeroes to a multiple of
 * 8. */
struct disk_record {
	uint64_t sequence;
	uint64_t checksum; /* of the payload */
	uint32_t length;   /* bytes of the payload */
	uint32_t block;	   /* of the payload, in the segment; 0 for a tombstone */
	uint16_t key_len;
	uint16_t flags;
	uint32_t reserved;
} __attribute__((packed, aligned(8)));

/* Returns true if a key may have KEY_LEN bytes. Programs have room for no longer keys. */
static inline bool format_key_valid(uint32_t key_len)
{
	return key_len >= 1 && key_len <= DISK_KEY_MAX;
}

/* One record in a footer. */
struct disk_entry {
	uint64_t hash[2];
	uint64_t sequence;
	uint64_t checksum;
	uint32_t length;
	uint32_t block;
	uint16_t flags;
	uint16_t key_len;
	uint32_t batch; /* block of the batch header, in the segment */
} __attribute__((packed, aligned(8)));

/* The trailer: the last 128 bytes of a sealed segment. The footer is the last blocks of the
 * segment; its entries begin at its first byte. */
struct disk_trailer {
	uint64_t magic;
	uint64_t checksum; /* of the rest of this struct, and of the entries */
	uint64_t epoch;
	uint64_t counter;
	uint32_t segment;
	uint32_t device;
	uint32_t blocks; /* of the footer */
	uint32_t count;
	uint32_t end; /* the first block of the segment behind its last batch */
	uint32_t flags;
	uint8_t reserved[72];
} __attribute__((packed, aligned(8)));

static_assert(sizeof(struct disk_super) == DISK_SUPER_BYTES, "a superblock has 4096 bytes");
static_assert(sizeof(struct disk_segment) == 128, "a segment header fits in a sector");
static_assert(sizeof(struct disk_segment) + sizeof(struct disk_strikes) == 512,
	      "a header fits in a sector with its strikes");
static_assert(offsetof(struct disk_strikes, checksum) + 8 == DISK_CHECKSUM_FROM, "checksum place");
static_assert(sizeof(struct disk_batch) == 128, "batch header");
static_assert(sizeof(struct disk_record) == 32, "record");
static_assert(sizeof(struct disk_entry) == 48, "footer entry");
static_assert(sizeof(struct disk_trailer) == 128, "trailer");
static_assert(offsetof(struct disk_super, checksum) + 8 == DISK_CHECKSUM_FROM, "checksum place");
static_assert(offsetof(struct disk_segment, checksum) + 8 == DISK_CHECKSUM_FROM, "checksum place");
static_assert(offsetof(struct disk_batch, checksum) + 8 == DISK_CHECKSUM_FROM, "checksum place");
static_assert(offsetof(struct disk_trailer, checksum) + 8 == DISK_CHECKSUM_FROM, "checksum place");

#endif
