/* SPDX-License-Identifier: Apache-2.0 */
/*
 * devices.h - what the tests of stores on several devices share: a store on files, and one file
 * more. They are global: there is one such store at a time, on one thread.
 */
#ifndef STORE_DEVICES_H
#define STORE_DEVICES_H

#include "rig.h"

#define MIB (1ull << 20)
#define SEGMENT (256ull << 10)
#define KEYS 120u
#define DEVICES 3u

extern char file[DEVICES + 1][256]; /* the devices, and one that belongs to no store */
extern char all[1024];		    /* the devices, as they are named to open the store */
extern struct rig rig;

/* Makes the files and formats a store on them; removes them. */
int set_up(void **state);
int tear_down(void **state);

/* Formats a store on PATHS, whatever is there. */
int format(const char *paths);
/* Opens the store of the rig on PATHS, and returns the result. */
int try_open(const char *paths, uint32_t degraded);
/* Does the same; fails the test if that does not work. */
void open_all(const char *paths);
/* Closes the store, whose counts must be right. */
void close_all(void);

/* Put and get all keys; a get must find VERSION. */
void put_keys(uint64_t version);
void get_keys(uint64_t version);
/* Returns the number of the device that KEY belongs to; UINT32_MAX: it is missing. */
uint32_t device_of(uint64_t key);

/* Fails the test unless ERR is WANT, and weir_error() has WORDS. */
void says(int err, int want, const char *words);

#endif
