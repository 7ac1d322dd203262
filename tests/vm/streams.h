/* SPDX-License-Identifier: Apache-2.0 */
/*
 * streams.h - functions that the tests of a store's streams share: the store on the drive of
 * run.py, keys whose values contain the key, and accounts ("books") of the bytes that the reclaim
 * units must hold after each put.
 *
 * Everything is used by one thread, and a function fails the test unless it says otherwise.
 */
#ifndef STREAMS_H
#define STREAMS_H

#include <weir/tenant.h>

#include "vm.h"

#define HANDLES 8u /* number of reclaim unit handles of the drive that run.py makes */
#define UNIT_BYTES (8ull << 20)
#define BLOCK 4096u /* block size of the store */
#define VALUE_MAX (512u << 10)

/* The open store; NULL: none. */
extern struct weir_store *streams_store;
/* Memory for VALUE_MAX bytes. */
extern char *streams_value;

int streams_setup(void **state);
int streams_teardown(void **state);

/* Formats the drive and returns the result. CAPACITY and SEGMENT may be 0: the store chooses. */
int streams_try_format(uint32_t placement, uint64_t capacity, uint64_t segment, uint32_t force);
/* Does the same, for any number of segments, and must succeed. */
void streams_format(uint32_t placement, uint64_t capacity, uint64_t segment);
/* Opens the store and returns the result. */
int streams_try_open(const char *path, uint32_t placement);
void streams_open_by(const char *path, uint32_t placement);
/* Opens the store by passthrough, with the placement of its format. */
void streams_open(void);
void streams_close(void);

struct weir_store_info streams_info(void);
struct weir_store_stats streams_stats(void);
struct weir_store_stream streams_one(uint32_t stream);
/* Returns the queue's statistics of OP. */
struct weir_op_stats streams_ops(enum weir_op op);
/* Returns the stream of tenant number N. */
uint32_t streams_tenant(unsigned n);
/* Checks that STREAM has placement ID, together with SHARING others. */
void streams_check_id(uint32_t stream, int32_t id, uint32_t sharing);

/* Fills MEM with the value of KEY: whole words. */
void streams_fill(char *mem, uint64_t key, size_t length);
/* Puts KEY and returns the result. */
int streams_put(uint32_t stream, uint64_t key, size_t length);
/* Returns 1 if KEY exists with its value, and 0 if it does not exist. */
int streams_got(uint64_t key, size_t length);

/* Starts the books with the current values of the drive. */
void books_begin(void);
/*
 * Adds to the books: BYTES of batches in STREAM, in a new unit or in the rest of the current one.
 */
void books_add(uint32_t stream, uint64_t bytes, bool updated);
/*
 * Does the same as streams_put(), with an entry in the books. Returns true if a unit was begun for
 * it.
 */
bool books_put(uint32_t stream, uint64_t key, size_t length);
/*
 * Checks that the drive has the same values: nothing went to a wrong id. The default id, 0, also
 * has everything outside of segments' batches, and everything unforeseen.
 */
void books_check(void);
/* Returns the rest of the unit of placement ID, according to the books. */
uint64_t books_left(uint32_t id);

#endif
