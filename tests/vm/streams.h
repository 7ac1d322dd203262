/* SPDX-License-Identifier: Apache-2.0 */
/*
 * streams.h - what the tests of a store's streams share: the store on the drive of run.py, keys
 * whose values tell who they are, and books: what the reclaim units have to hold by what was put.
 *
 * Everything is used by one thread, and fails the test where it does not say otherwise.
 */
#ifndef STREAMS_H
#define STREAMS_H

#include <weir/tenant.h>

#include "vm.h"

#define HANDLES 8u /* of the drive that run.py makes */
#define UNIT_BYTES (8ull << 20)
#define BLOCK 4096u /* the store's */
#define VALUE_MAX (512u << 10)

/* The one that is open; NULL: none. */
extern struct weir_store *streams_store;
/* Memory for VALUE_MAX bytes. */
extern char *streams_value;

int streams_setup(void **state);
int streams_teardown(void **state);

/* Formats the drive and returns what came of it. CAPACITY and SEGMENT may be 0: what the store
 * chooses. */
int streams_try_format(uint32_t placement, uint64_t capacity, uint64_t segment, uint32_t force);
/* The same with any number of segments. */
void streams_format(uint32_t placement, uint64_t capacity, uint64_t segment);
/* Opens the store and returns what came of it. */
int streams_try_open(const char *path, uint32_t placement);
void streams_open_by(const char *path, uint32_t placement);
/* Opens it by passthrough, as it was formatted. */
void streams_open(void);
void streams_close(void);

struct weir_store_info streams_info(void);
struct weir_store_stats streams_stats(void);
struct weir_store_stream streams_one(uint32_t stream);
/* What the queue did of OP. */
struct weir_op_stats streams_ops(enum weir_op op);
/* The stream of tenant number N. */
uint32_t streams_tenant(unsigned n);
/* STREAM has this placement ID, as do SHARING others. */
void streams_check_id(uint32_t stream, int32_t id, uint32_t sharing);

/* The value of KEY, into MEM: whole words. */
void streams_fill(char *mem, uint64_t key, size_t length);
/* Puts KEY and returns what came of it. */
int streams_put(uint32_t stream, uint64_t key, size_t length);
/* 1: KEY is there, with its value; 0: it is not. */
int streams_got(uint64_t key, size_t length);

/* The books begin with what the drive says. */
void books_begin(void);
/* Into the books: BYTES of batches in STREAM, in a new unit or in what is left. */
void books_add(uint32_t stream, uint64_t bytes, bool updated);
/* As streams_put(), and into the books; true if a unit was begun for it. */
bool books_put(uint32_t stream, uint64_t key, size_t length);
/*
 * The drive agrees: nothing went to another id than it should. The default id, 0, has what is in
 * no segment's batches too, and what was not foreseen.
 */
void books_check(void);
/* What is left of the unit that placement ID leads to, by the books. */
uint64_t books_left(uint32_t id);

#endif
