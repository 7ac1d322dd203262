/* SPDX-License-Identifier: Apache-2.0 */
/*
 * forged.h - an image of a closed store in memory, whose structures a test changes with right
 * checksums, and what a check finds in it. All of it is for one thread.
 *
 * The store has two streams, a key that was overwritten, and one that was deleted. Each batch has
 * one record.
 */
#ifndef WEIR_TESTS_FORGED_H
#define WEIR_TESTS_FORGED_H

#include "memdisk.h"
#include "store/format/batch.h"
#include "store/format/footer.h"
#include "store/format/header.h"
#include "store/format/super.h"

#define IMAGE (2u << 20)
#define SEGMENT (64u << 10)
#define BLOCK 4096u
#define LAST (SEGMENT / BLOCK - 1) /* the block of the footer */
#define FIRST 65536u		   /* where segment 0 begins */
#define SEGMENTS ((IMAGE - 2 * FIRST) / SEGMENT)
#define KEYS 20u       /* of the first stream */
#define LATER 9u       /* from this one on they were put in a second life */
#define OTHERS 4u      /* of the second one, behind them */
#define OVERWRITTEN 2u /* its newer version lies in another segment */
#define DELETED 3u     /* so does its tombstone */
#define RECORDS (KEYS + OTHERS + 2)
#define VALUE 3000u
#define FOUND 64u

extern struct rig forged_rig;
extern uint8_t forged_image[IMAGE]; /* what the next check gets */
extern struct super forged_super;   /* of the image as it was made */
extern uint64_t forged_opening;	    /* changes of the superblock by an open and a close */

/* What a check found. */
struct forged_finding {
	uint32_t kind, damage, segment, stream;
	char text[200];
};
extern struct forged_finding forged_found[FOUND];
extern unsigned forged_finds;
extern struct weir_check_result forged_result;
/* It is called just before a check and just after it; NULL: nothing is. */
extern void (*forged_around)(bool begins);
/* It is told of each finding; NULL: nobody is. */
extern void (*forged_found_too)(void *user, const struct weir_finding *f);

/* Where a record is: entry N of the footer of SEGMENT. */
struct forged_place {
	uint32_t segment, n;
	struct footer_entry e;
};

/* Makes the image; these two are for the group. */
int forged_make(void **state);
int forged_unmake(void **state);
/* Begins anew with the image as it was made; all of it can be read. For each test. */
int forged_begin(void **state);

/* Returns the memory of a block of the image. */
uint8_t *forged_at(uint32_t segment, uint32_t block);
/* Returns the header of SEGMENT, which must be valid. */
struct header forged_header(uint32_t segment);
/* Returns true if SEGMENT is used and has batches; others were begun ahead. */
bool forged_is_sealed(uint32_t segment);
struct footer forged_footer(uint32_t segment);
struct footer_entry forged_entry(uint32_t segment, uint32_t n);
/* Finds the record of key NUMBER that is a tombstone or not, the newest or the oldest one. */
struct forged_place forged_find(uint64_t number, bool tombstone, bool newest);
/* Finds the record of key NUMBER that lives. */
struct forged_place forged_live(uint64_t number);
/* Returns the record of P, whose key is NUMBER, as its batch has it. */
struct batch_record forged_record(const struct forged_place *p, const uint64_t *number);

/* Writes H over the header of its segment. */
void forge_header(const struct header *h);
/* Writes IS over copy COPY of the superblock; 0: over both. */
void forge_super(const struct super *is, uint32_t copy);
/* Writes E over entry N of the footer of SEGMENT. */
void forge_entry(uint32_t segment, uint32_t n, const struct footer_entry *e);
/* Writes COUNT RECORDS over the header of the batch of P, which takes BLOCKS; 0: as many as now. */
void forge_batch(const struct forged_place *p, const struct batch_record *records, uint32_t count,
		 uint32_t blocks);
/* From here on reads of the block at FROM fail. */
void forged_unreadable(const uint8_t *from);

/* It is weir_check_opts.found, and notes the finding. */
void forged_note(void *user, const struct weir_finding *f);
/* Checks what the drive in memory holds, and returns the result. */
int forged_run(uint32_t repair);
/* Gives the drive the image, and checks it. */
void forged_check(uint32_t repair);
/* Does the same, and expects one finding of this KIND and with these WORDS. */
void forged_expect(uint32_t kind, uint32_t damage, const char *words);
/* Does the same, and expects none. */
void forged_clean(void);
/* Returns the revision of the superblock on the drive. */
uint64_t forged_revision(void);

#endif
