/* SPDX-License-Identifier: Apache-2.0 */
/*
 * super.h - the superblock: it says what the store is, and there are two copies of it.
 */
#ifndef SUPER_H
#define SUPER_H

#include <stdbool.h>
#include <stdint.h>

#include "store/format/format.h"
#include "store/format/layout.h"

/* A superblock in memory, decoded. */
struct super {
	struct layout layout;
	uint64_t compat, ro_compat, incompat;
	uint8_t uuid[16];
	uint8_t secret[DISK_SECRET_BYTES];
	uint64_t revision;
	uint64_t epoch;
	uint64_t created_ns;
	uint32_t device_index, device_count;
	uint32_t streams, tenants;
	uint32_t placement;
	struct disk_stream stream[DISK_STREAMS]; /* as on the device */
	struct disk_tenant tenant[DISK_TENANTS];
	uint8_t name[DISK_TENANTS][DISK_NAME_BYTES];
	uint64_t sequence_floor;      /* every record from now on has a higher sequence number */
	uint32_t policy;	      /* enum disk_policy; 0: the default */
	uint32_t rewrite_percent;     /* 0: the default */
	uint32_t free_low, free_high; /* percent of the segments; 0: the default */
	uint64_t write_budget;	      /* bytes a day; 0: none */
	uint64_t budget_spent, budget_time_ns;
	uint32_t out_count;
	uint32_t out[DISK_OUT_MAX]; /* segments out of use, in no order */
	uint32_t out_aside;	    /* bit n: out[n] is set aside, its footer counts */
};

enum super_state {
	SUPER_VALID = 0,
	SUPER_NONE,    /* no superblock */
	SUPER_VERSION, /* a superblock of another version */
	SUPER_DAMAGED, /* the checksum is wrong, or fields contradict each other */
	SUPER_UNREADABLE,
};

/* Returns true if SEGMENT is out of use. */
bool super_is_out(const struct super *super, uint32_t segment);
/* Returns true if SEGMENT is set aside: it is out of use, and what its footer names counts. */
bool super_is_aside(const struct super *super, uint32_t segment);
/* Puts SEGMENT out of use; there must be room. With ASIDE it is set aside. */
void super_put_out(struct super *super, uint32_t segment, bool aside);
/* Lets nothing count that is in SEGMENT, which stays out of use. Returns false if nothing did. */
bool super_forget_aside(struct super *super, uint32_t segment);

/* Encodes SUPER as copy COPY (1 or 2) to DISK. */
void super_encode(struct disk_super *disk, const struct super *super, uint32_t copy);

/* Decodes copy COPY from DISK. SUPER is set only if this returns SUPER_VALID, and *VERSION only
 * with SUPER_VERSION. */
enum super_state super_decode(struct super *super, const struct disk_super *disk, uint32_t copy,
			      uint32_t *version);

#endif
