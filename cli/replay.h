/* SPDX-License-Identifier: Apache-2.0 */
/*
 * replay.h - plays a KV-cache trace through a store: what the parts of `weir replay` share.
 *
 * For each request, the leading blocks are got until the first miss, and the rest is put; what was
 * put is there for the next request. Clients take the requests in order. With one client, the
 * thread that opened the store is the client; with more, each is a thread.
 */
#ifndef REPLAY_H
#define REPLAY_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include <weir/store.h>

#include "base/hist.h"
#include "cli/progress.h"
#include "cli/trace.h"

struct replay_config {
	uint64_t block_bytes;
	uint32_t depth; /* blocks in flight, each client */
	uint32_t clients;
	double speed; /* trace time is divided by it; 0: as fast as it goes */
	bool verify;  /* compare every byte of every get */
	uint32_t put_flags;
	int ack_fd; /* acknowledgement log, or -1 */
};

/* What has been done so far. Clients add; anyone may read (relaxed atomics). */
struct replay_totals {
	uint64_t requests, blocks, hits;
	uint64_t put_blocks;
	uint64_t read_bytes, written_bytes; /* payload */
	uint64_t verified;		    /* gets whose every byte was compared */
	uint64_t verify_failures;	    /* of these, gets that returned other bytes */
	uint64_t get_errors;		    /* gets that failed, misses apart */
};

struct replay {
	struct weir_store *store;
	const struct trace *trace;
	struct replay_config config;
	struct progress progress;
	struct replay_totals totals;
	uint64_t next; /* request that the next free client takes */
	uint64_t start_ns, end_ns;
	int error; /* 0, or what made the replay end early */
	bool interrupted;
	pthread_mutex_t lock; /* of what follows */
	char trouble[256];    /* the first thing that went wrong, in words */
	struct hist get, put; /* latency of blocks */
	struct hist load;     /* time until a request had all its leading blocks */
};

/* What checking an acknowledgement log found. */
struct replay_check {
	uint64_t checked, missing, wrong;
	char trouble[256]; /* the first of them, in words */
};

/*
 * Plays R->trace. 0: all of it (see totals for failures of single gets); else the error that ended
 * it, with weir_error() set. SIGINT and SIGTERM end it early: 0, and R->interrupted.
 */
int replay_run(struct replay *r);

struct sigaction;

/*
 * Catches SIGINT and SIGTERM, and returns the old handlers. The second signal of a kind ends the
 * program at once, as if there were no handler.
 */
void replay_catch_signals(struct sigaction *old_int, struct sigaction *old_term);

/* 1 once somebody asked the program to end; handlers are in place while replay_run() runs. */
int replay_stopping(void);

/* Takes requests and plays them until there are none, or the replay ends early. One client. */
int replay_client(struct replay *r);

/* Keeps the first thing that went wrong. Any client. */
void replay_trouble(struct replay *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Checks that the store has each of the N blocks of IDS, unchanged. 0 or -ENOMEM. */
int replay_check(struct weir_store *store, const struct replay_config *config, const uint64_t *ids,
		 size_t n, struct replay_check *check);

#endif
