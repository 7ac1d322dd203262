/* SPDX-License-Identifier: Apache-2.0 */
/*
 * claims.h - what the system has made of a file or device: what must not be written to. There is
 * one answer to that question, for opening and for `weir doctor`. Claims are plain values; any
 * thread.
 */
#ifndef DEVICE_CLAIMS_H
#define DEVICE_CLAIMS_H

#include <stdbool.h>
#include <stddef.h>

#include "device/place.h"

#define NAMES_MAX 4
#define NAMES_BYTES 192

/* A few names, and how many there were. */
struct device_names {
	size_t count;
	char names[NAMES_MAX][NAMES_BYTES];
};

struct device_claims {
	struct device_names mounts;  /* of filesystems that are on it, whatever lies between */
	struct device_names swaps;   /* of swap on it */
	struct device_names holders; /* devices that are made of it: dm-0, md0 */
	struct device_names loops;   /* loop devices on it; what uses these is above, too */
};

/* Adds a name to N. */
void device_names_add(struct device_names *n, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* Puts "a, b and 3 more" into TEXT, which is returned. */
const char *device_names_list(const struct device_names *n, char *text, size_t size);

/* Fills in C for P. */
void device_find_claims(struct device_claims *c, const struct device_place *p);

/* Has somebody block device P, or the one beside it, exclusively? PATH, its own, is opened. */
bool device_is_claimed(const struct device_place *p, const char *path);

/*
 * May PATH, which C is about, be written to? 0, or -EBUSY with words: what is there would be
 * destroyed. A loop device that nothing uses stands in nobody's way, and what is held exclusively
 * is told by the lock.
 */
int device_claims_refuse(const struct device_claims *c, const char *path);

#endif
