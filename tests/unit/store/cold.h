/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cold.h - a store on the drive in memory whose oldest segments keep keys that are put once, for
 * tests of reads that fail while these segments are reclaimed. All of it is for one thread.
 */
#ifndef WEIR_TESTS_COLD_H
#define WEIR_TESTS_COLD_H

#include "memdisk.h"

#define IMAGE (5u << 19)
#define SEGMENT (64u << 10)
#define FIRST 65536u /* where segment 0 begins */
#define BLOCK 4096u
#define SEGMENTS ((IMAGE - 2 * 65536u) / SEGMENT)
#define VALUE 3000u
#define COLD 30u
#define TOGETHER 12u /* these keys fill segment 0 */
#define HOT 12u
#define KEYS (COLD + HOT)
#define ROUND (SEGMENTS * 14u) /* puts that go round the whole store */
#define VERSIONS 4096u

extern struct rig cold_rig;
extern uint8_t *cold_image;	    /* of the drive, as cold_set_up() left it */
extern uint64_t cold_version[KEYS]; /* acknowledged last, durable at the next sync; 0: deleted */
extern uint64_t cold_saved[KEYS];   /* these of the image */
extern uint64_t cold_heals_from;    /* reads of this block fail until it is written; 0: none */
extern uint64_t cold_worn;	    /* writes of this block fail; 0: none */

int cold_set_up(void **state);
int cold_tear_down(void **state);

int cold_put(uint64_t key, uint32_t flags);
/* Puts hot keys N times. Returns the first error. */
int cold_churn(unsigned n);
/* Begins anew with the image, which is opened. */
void cold_restore(void);
struct weir_store_stats cold_stats(void);
/* Each key has the version that was acknowledged last. With BLIND, some cannot be read now: returns
 * how many. */
unsigned cold_check(const char *when, unsigned n, bool blind);

/* Returns the byte of the device where the value of KEY is now, found by its batch header: every
 * value begins at a block, and no two are the same. */
uint64_t cold_place(uint64_t key);
/* Returns the byte where the segment of byte AT begins. */
uint64_t cold_segment(uint64_t at);
/* From here on reads that touch these bytes fail; no block heals and none is worn. */
void cold_bad_reads(uint64_t from, uint64_t bytes);
/* Returns true if CMD fails because of that; it is memdisk.fails_too. */
int cold_is_bad(const struct weir_cmd *cmd);

/* Changes keys that may lie in a segment that was set aside, and lets what superseded them leave.
 * Then nothing old may come back. */
void cold_supersede(void);
/* The second recovery, tools/recover.py, finds the same in the image of the closed store; so does a
 * check, which finds no damage. */
void cold_check_image(void);

#endif
