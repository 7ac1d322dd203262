/* SPDX-License-Identifier: Apache-2.0 */
/*
 * replay.h - declarations that the files of `weir replay` share. It plays a KV-cache trace through
 * a store.
 *
 * For each request, the leading blocks are read until the first miss, and the other ones are put,
 * so the next request finds them. Clients take the requests in order. With one client, the thread
 * that opened the store is the client; with more, each client is a thread.
 */
#ifndef REPLAY_H
#define REPLAY_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include <weir/store.h>

#include "base/hist.h"
#include "cli/progress.h"
#include "cli/replay_series.h"
#include "cli/trace.h"

struct replay_config {
	uint64_t block_bytes;
	uint32_t depth; /* blocks in flight for each client */
	uint32_t clients;
	double speed; /* the factor by which the trace's time runs faster; 0: do not wait */
	bool verify;  /* compare every byte of every get */
	uint32_t put_flags;
	int ack_fd; /* file descriptor of the acknowledgement log, or -1 */
};

/* What was done so far. Clients add to it; any thread may read it (relaxed atomics). */
struct replay_totals {
	uint64_t requests, blocks, hits;
	uint64_t put_blocks;
	uint64_t present_blocks;	    /* they were to be put, and were there */
	uint64_t refused_blocks;	    /* the write budget did not admit them */
	uint64_t read_bytes, written_bytes; /* bytes of payload */
	uint64_t verified;		    /* number of gets that were compared byte by byte */
	uint64_t verify_failures;	    /* those of them that returned other bytes */
	uint64_t get_errors;		    /* number of gets that failed, without misses */
};

struct replay {
	struct weir_store *store;
	const struct trace *trace;
	struct replay_config config;
	struct progress progress;
	struct replay_series *series; /* NULL: not wanted */
	struct replay_totals totals;
	uint64_t next; /* index of the request that the next free client takes */
	uint64_t start_ns, end_ns;
	int error; /* 0, or the error that ended the replay */
	bool interrupted;
	pthread_mutex_t lock; /* protects the members below */
	char trouble[256];    /* the first error, in words */
	struct hist get, put; /* latencies of blocks */
	/* time from a request's due time until it had all its leading blocks */
	struct hist load;
};

/* The results of checking an acknowledgement log. */
struct replay_check {
	uint64_t checked, missing, wrong;
	char trouble[256]; /* the first error, in words */
};

/*
 * Plays R->trace. Returns 0 if all of it was played (the totals have the failures of single gets),
 * otherwise the error that ended it, with weir_error() set. SIGINT and SIGTERM end it early: it
 * returns 0 and sets R->interrupted.
 */
int replay_run(struct replay *r);

struct sigaction;

/*
 * Installs handlers for SIGINT and SIGTERM, and returns the old handlers. A second signal
 * ends the program at once, without the files that it was writing.
 */
void replay_catch_signals(struct sigaction *old_int, struct sigaction *old_term);

/*
 * Returns 1 after a signal asked the program to end. Handlers are installed while replay_run()
 * runs.
 */
int replay_stopping(void);

/* Runs one client: plays requests until there are no more, or the replay ends early. */
int replay_client(struct replay *r);

/* Records an error, unless an earlier one was recorded. Any client may call it. */
void replay_trouble(struct replay *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Checks that the store has each of the N blocks of IDS, unchanged. Returns 0 or -ENOMEM. */
int replay_check(struct weir_store *store, const struct replay_config *config, const uint64_t *ids,
		 size_t n, struct replay_check *check);

#endif
