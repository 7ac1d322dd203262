/* SPDX-License-Identifier: Apache-2.0 */
/*
 * weir/fsck.h - checks and repairs a store that nobody has open.
 *
 * A check reads the structures of a store on its own, without what opening does: superblocks,
 * segment headers, footers, batch headers, and payloads if asked for. What does not verify is read
 * once more, and is damaged if it is wrong again. It writes nothing unless it is to repair.
 */
#ifndef WEIR_FSCK_H
#define WEIR_FSCK_H

#include <stddef.h>
#include <stdint.h>

#include <weir/base.h>

#ifdef __cplusplus
extern "C" {
#endif

struct weir_trace;

/* What a finding is about. */
enum weir_finding_kind {
	WEIR_FINDING_SUPERBLOCK = 1,   /* a copy is damaged, absent, old, or of another store */
	WEIR_FINDING_HEADER = 2,       /* a segment's header is damaged: its entries are lost */
	WEIR_FINDING_STALE_HEADER = 3, /* it is older than the batches behind it: the same */
	WEIR_FINDING_STREAM = 4,       /* the superblock does not know a segment's stream */
	WEIR_FINDING_FOOTER = 5,       /* a footer is damaged, or absent where one must be */
	WEIR_FINDING_BATCH = 6,	       /* a batch's header is damaged: its keys are not known */
	WEIR_FINDING_ENTRY = 7,	       /* footer and batch header contradict each other */
	WEIR_FINDING_PAYLOAD = 8,      /* a value does not verify */
	WEIR_FINDING_ORDER = 9,	       /* positions, sequence numbers or watermarks contradict */
	WEIR_FINDING_CONFLICT = 10,    /* a key lives in two streams; the next open settles it */
	WEIR_FINDING_UNSEALED = 11,    /* a segment without a footer; the next open writes it */
	WEIR_FINDING_UNREADABLE = 12,  /* a read failed, which says nothing about the bytes */
	/* A segment that is out of use. It was not looked at, unless it was set aside. */
	WEIR_FINDING_OUT_OF_USE = 13,
	WEIR_FINDING_MISPLACED = 14, /* a key lies on a device where no get looks for it */
	WEIR_FINDING_ABSENT = 15,    /* a device of the store was not named, and not checked */
	WEIR_FINDING_KINDS = 16,
};

/* As weir_finding.segment: the finding is not about a segment. */
#define WEIR_FINDING_NO_SEGMENT UINT32_MAX

/* One thing that a check found. */
struct weir_finding {
	size_t size;	  /* sizeof the library's struct: fields beyond it are absent */
	uint32_t kind;	  /* enum weir_finding_kind */
	uint32_t damage;  /* 1: damage; 0: a note: what a power cut leaves, which an open settles */
	uint32_t segment; /* its number, or WEIR_FINDING_NO_SEGMENT */
	uint32_t block;	  /* in the segment */
	uint64_t offset;  /* on the device, bytes */
	uint64_t length;  /* bytes; 0: not known */
	const void *key;  /* of the record, if it is known; else NULL. Valid during the callback */
	uint32_t key_len;
	uint32_t stream;   /* of the segment, or 0 */
	uint64_t hash[2];  /* identity of the record's key; 0: not about one record */
	const char *text;  /* one sentence without a full stop. Valid during the callback */
	const char *cause; /* what a failed read said; NULL: nothing */
	uint32_t device;   /* its number, from 1 on */
	uint32_t devices;  /* that the store has */
	const char *path;  /* of the device; NULL: it was not named. Valid during the callback */
};

/* Options of weir_store_check(). Start from WEIR_CHECK_OPTS_INIT; 0 and NULL mean the default. */
struct weir_check_opts {
	size_t size;
	uint32_t data;	    /* 1: also reads and verifies each payload */
	uint32_t repair;    /* 1: drops what is damaged, and nothing else */
	const char *engine; /* the queue's */
	const char *engine_opts;
	/* They are called on the calling thread. FOUND once for each finding. PROGRESS now and
	 * then: so many of the bytes of all used segments are done. May be NULL. */
	void (*found)(void *user, const struct weir_finding *finding);
	void (*progress)(void *user, uint64_t done_bytes, uint64_t total_bytes);
	void *user;
	uint64_t lock_wait_ns;	  /* how long to wait for another process's lock; 0: not at all */
	struct weir_trace *trace; /* of the queues (weir/trace.h); NULL: none */
};

#define WEIR_CHECK_OPTS_INIT WEIR_INIT_SIZED(struct weir_check_opts)

/* What a check counted. Start from WEIR_CHECK_RESULT_INIT. */
struct weir_check_result {
	size_t size;
	uint64_t damage, notes; /* findings */
	uint64_t segments, used_segments, free_segments, unsealed_segments;
	uint64_t batches, records, tombstones, struck; /* in the segments that are used */
	uint64_t entries, live_bytes;		       /* that live, as an open would find them */
	uint64_t verified, verified_bytes;	       /* payloads */
	uint64_t unreadable; /* findings of that kind, which are damage too */
	/* Of a repair: records that were dropped, and segments that were freed. */
	uint64_t dropped_records, freed_segments;
	uint64_t repaired; /* 1: a repair was made; check again to see what it left */
	/* Devices that were checked, and those of the store that were not named. */
	uint64_t devices, absent;
	uint64_t order; /* findings of kind ORDER, which are damage too; a repair leaves them */
};

#define WEIR_CHECK_RESULT_INIT WEIR_INIT_SIZED(struct weir_check_result)

/*
 * Checks the store on PATH, which nobody may have open. PATH names one device, or several of one
 * store ("A,B,C"); a device that it does not name is a finding. They are locked together, and
 * checked one after another. OPTS may be NULL, and so may RESULT. Returns 0 also if there is
 * damage: RESULT says how much on all of them. With opts.repair, what is damaged is dropped
 * durably: segments without a valid header are freed; records whose payload, entry or batch header
 * is damaged, or that lie on a wrong device, are struck; superblock copies and footers are written
 * again. A repair may be interrupted anywhere and made again. What cannot be read is left alone,
 * and so are contradictions of order (WEIR_FINDING_ORDER), as they damage no value (docs/fsck.md).
 * The check keeps about 45 bytes for each key of a device, and with opts.data two segments in
 * memory. Errors: those of weir_store_open(), with opts.repair also -EIO (a write failed). Blocks;
 * any thread, but no callback.
 */
int weir_store_check(const char *path, const struct weir_check_opts *opts,
		     struct weir_check_result *result);

/* Returns the name of a kind of finding: "payload", "stale-header". Static; any thread. */
const char *weir_finding_name(uint32_t kind);

#ifdef __cplusplus
}
#endif
#endif
