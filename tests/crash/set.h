/* SPDX-License-Identifier: Apache-2.0 */
/*
 * set.h - a set of hashes that grows. Its owner frees it.
 */
#ifndef CRASH_SET_H
#define CRASH_SET_H

#include <stdbool.h>
#include <stdint.h>

struct set {
	uint64_t *slots;
	uint64_t size, count;
};

/* Adds HASH. Returns false if it was there. */
bool set_add(struct set *set, uint64_t hash);
void set_free(struct set *set);

#endif
