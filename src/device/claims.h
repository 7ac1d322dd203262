/* SPDX-License-Identifier: Apache-2.0 */
/*
 * claims.h - what the system uses a file or device for, and so whether it may be written to.
 * Opening and `weir doctor` use the same answer. Claims are plain values; any thread.
 */
#ifndef DEVICE_CLAIMS_H
#define DEVICE_CLAIMS_H

#include <stdbool.h>
#include <stddef.h>

#include "device/place.h"

#define NAMES_MAX 4
#define NAMES_BYTES 192

/* Some names, and how many there were in all. */
struct device_names {
	size_t count;
	char names[NAMES_MAX][NAMES_BYTES];
};

struct device_claims {
	/* Filesystems that are on it, directly or through other devices. */
	struct device_names mounts;
	struct device_names swaps;   /* swap areas on it */
	struct device_names holders; /* devices that are made of it: dm-0, md0 */
	struct device_names loops; /* loop devices on it; the lists above include what uses these */
};

/* Adds a name to N. */
void device_names_add(struct device_names *n, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* Writes "a, b and 3 more" to TEXT, and returns TEXT. */
const char *device_names_list(const struct device_names *n, char *text, size_t size);

/* Fills in C for P. */
void device_find_claims(struct device_claims *c, const struct device_place *p);

/* Returns true if somebody has an exclusive open of block device P, or of the block device beside
 * it. PATH, its own name, is opened to find out. */
bool device_is_claimed(const struct device_place *p, const char *path);

/*
 * Decides whether PATH, whose claims are C, may be written to. Returns 0, or -EBUSY with an error
 * text if writing would destroy something. A loop device that nothing uses is no reason to refuse.
 * The lock, not this function, detects an exclusive open.
 */
int device_claims_refuse(const struct device_claims *c, const char *path);

#endif
