/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scrub.h - reads the values of a running store in the background, and drops those that do not
 * verify.
 */
#ifndef STORE_SCRUB_H
#define STORE_SCRUB_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct weir_store;
struct weir_store_opts;

/* What all scrubs of a store did since it was opened; atomics. */
struct scrub_counts {
	uint64_t passes, bytes, damaged, dropped, read_errors, slowed;
};

/* The thread that scrubs. Owned by scrub.c. */
struct store_scrub {
	uint64_t bytes_per_second;
	bool started;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	bool stop;  /* under the lock */
	bool ended; /* the loop's: the thread submits no more */
	struct scrub_counts counts;
};

/* Starts the thread, if OPTS ask for it. Returns 0 or -errno, with words. */
int scrub_start(struct weir_store *s, const struct weir_store_opts *opts);
/* Ends the thread before the store is closed. Runs the loop if that is the calling thread's. */
void scrub_stop(struct weir_store *s);

#endif
