/* SPDX-License-Identifier: Apache-2.0 */
/*
 * index_read.h - the index as any thread may use it, while its owner changes it.
 */
#ifndef STORE_LOG_INDEX_READ_H
#define STORE_LOG_INDEX_READ_H

#include "store/log/index.h"

/* Finds HASH. Returns 1 and *VALUE, or 0: it was so at one moment of the call. Returns -EAGAIN if
 * the owner was interrupted in the middle of a change, and did not run for a long time. */
int index_peek(const struct index *x, const uint64_t hash[2], struct index_value *value);

/* Fetches the memory that index_peek() needs: the head of the bucket, and then its first entry. */
void index_prefetch_head(const struct index *x, const uint64_t hash[2]);
void index_prefetch_entry(const struct index *x, const uint64_t hash[2]);

/* Sets the flags SET of the entry of HASH, unless it has one of UNLESS. Returns 1 and the *VALUE
 * that it had, 0 if there is no such entry or it has one of UNLESS, or -EAGAIN. */
int index_set_flags(struct index *x, const uint64_t hash[2], uint16_t set, uint16_t unless,
		    struct index_value *value);

/* Clears the flags CLEAR of the entry of HASH. Returns as index_set_flags(). */
int index_clear_flags(struct index *x, const uint64_t hash[2], uint16_t clear);

#endif
