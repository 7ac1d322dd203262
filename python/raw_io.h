/* SPDX-License-Identifier: Apache-2.0 */
/*
 * raw_io.h - batches of reads and writes on a queue, which one call submits and another waits for.
 *
 * It is the part of weir_kv.raw_block that may not be Python: nothing of the interpreter runs on
 * the threads of the library. It uses the public interface of the library only.
 *
 * Most ios go through the queue. An io that the queue cannot take goes to the descriptor at once,
 * while it is submitted: one that is not aligned to logical blocks, or that leaves the capacity the
 * device had when it was opened (a file grows then).
 *
 * Threads: any thread may call, at the same time as others.
 */
#ifndef RAW_IO_H
#define RAW_IO_H

#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include <weir/weir.h>

struct raw_device;
struct raw_batch;

struct raw_opts {
	const char *path;
	int fd; /* of the same file; it belongs to the device once raw_open() has succeeded */
	uint32_t writable;
	uint32_t direct; /* 1: O_DIRECT, and an error where there is none */
	uint32_t depth;	 /* commands at once; 0: the default of the queue */
	const char *engine;
	const char *scheduler; /* NULL: the default */
};

/* Opens a device and a queue with a worker. Errors: those of weir_device_open(), and those of
 * weir_queue_open(), for which *OF_QUEUE is set; with the sentence of weir_error(). */
int raw_open(struct raw_device **dev, const struct raw_opts *opts, int *of_queue);

/* Takes no more batches, and waits until all have ended; then closes. Others who close wait, too.
 * Returns 0, or what close(2) said the first time. */
int raw_close(struct raw_device *dev);

/* Closes DEV where that was not done, and frees it. NULL is allowed. */
void raw_free(struct raw_device *dev);

/* As weir_queue_set() and weir_queue_get_stats(); -ESHUTDOWN: closed. */
int raw_set(struct raw_device *dev, const char *name, const char *value);
int raw_get_stats(struct raw_device *dev, struct weir_queue_stats *stats);

/* Writes to BUF of SIZE bytes why no io can succeed any more, and returns 1; 0: nothing is wrong.
 */
int raw_lost(struct raw_device *dev, char *buf, size_t size);

/* Facts, also after raw_close(): bytes, bytes of a logical block, and the namespace id of an NVMe
 * character device (-errno: what the kernel said when it was asked). */
uint64_t raw_capacity(const struct raw_device *dev);
uint32_t raw_block(const struct raw_device *dev);
int raw_nsid(const struct raw_device *dev);

/* As weir_fdp_read(); -ESHUTDOWN: closed. */
int raw_fdp(struct raw_device *dev, struct weir_fdp **fdp);

/*
 * Registers the N ranges of memory for ios, all or none. Ranges that lie side by side become one,
 * so an io may go from one into the next. Waits until the queue has done so. Errors: -ESHUTDOWN
 * (closed), those of weir_queue_register(), and the kernel's.
 */
int raw_register(struct raw_device *dev, const struct iovec *ranges, size_t n);

/* A read or write of TOTAL bytes. The first LENGTH bytes are MEMORY's; a write adds zeroes, and a
 * read drops the rest. */
struct raw_item {
	uint64_t offset;
	void *memory; /* belongs to the batch until it has ended */
	uint64_t length, total;
	uint32_t write;
	uint32_t placement;
};

enum { RAW_EOF = 1 /* a result: the file ended before TOTAL bytes were read */ };

/*
 * Submits the N ITEMS, which are copied, as one batch. What is wrong with one item is its result.
 * Errors, and then nothing was submitted: -ESHUTDOWN (closed), -ECHILD (this is a child of fork()),
 * -ENOMEM.
 */
int raw_submit(struct raw_device *dev, const struct raw_item *items, size_t n,
	       struct raw_batch **batch);

/* Waits until BATCH has ended. Returns the result of each item: 0, -errno or RAW_EOF. In a child of
 * fork() it does not wait, and what had not ended at the fork has -ECHILD. */
const int32_t *raw_wait(struct raw_batch *batch);

/* Waits until BATCH has ended, and frees it. NULL is allowed. */
void raw_batch_free(struct raw_batch *batch);

#endif
