/* SPDX-License-Identifier: Apache-2.0 */
/*
 * survive.h - what the tests of entries that survive a reclaim share: a store on a drive in memory,
 * and puts and gets that fail the test if they go wrong. They are global: there is one such store
 * at a time, on one thread.
 */
#ifndef STORE_SURVIVE_H
#define STORE_SURVIVE_H

#include "memdisk.h"

extern struct rig rig;

/* Of each test; the test itself makes the store. */
int set_up(void **state);
int tear_down(void **state);

struct weir_store_stats stats_of(void);
/* Puts version VERSION of key number KEY; FLAGS may contain RIG_STREAM(). */
void put(uint64_t key, uint64_t version, size_t length, uint32_t flags);
/* Fails the test unless key number KEY has VERSION and LENGTH. */
void has(uint64_t key, uint64_t version, size_t length);

#endif
