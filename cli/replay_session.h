/* SPDX-License-Identifier: Apache-2.0 */
/*
 * replay_session.h - one run of `weir replay`: its arguments, its trace and its store.
 *
 * The functions return 0, or the exit code of the command after a report of the error.
 */
#ifndef REPLAY_SESSION_H
#define REPLAY_SESSION_H

#include "cli/opening.h"
#include "cli/replay.h"

#define REPLAY_SYNTHETIC "synthetic"

struct replay_args {
	struct opening opening;
	const char *store, *speed, *ack_log, *check_acks, *series, *trace_format, *tier;
	const char *policy, *rewrite, *capacity, *write_budget; /* with --dry */
	uint64_t segments;
	uint64_t block_bytes, size, depth, clients;
	uint64_t requests, chats, seed;
	unsigned verify, durable, json, dry;
};

/* Everything that a run needs; replay_main() releases it. */
struct replay_session {
	const struct replay_args *args;
	const char *trace_name; /* NULL: only the log is checked */
	struct trace trace;
	struct trace_opts trace_opts;
	struct replay replay;
	struct weir_store *store;
	bool made; /* the store was made for this run */
	uint64_t *acks;
	size_t ack_count;
	struct replay_check check;
};

/* replay_config.c: checks the arguments and fills in the configuration of the replay. */
int replay_configure(struct replay_session *s);
/* Refuses to write over the store or the trace. */
int replay_check_outputs(const struct replay_session *s);

/* replay_config.c: checks the arguments of a dry run. */
int replay_configure_dry(struct replay_session *s);
/* replay_dry.c: simulates the trace, which was loaded, and prints hit rates. */
int replay_dry(struct replay_session *s);

/* replay_open.c: refuses blocks that do not fit into the store that is there. */
int replay_check_fit(const struct replay_session *s);
/* Reads or makes the trace. */
int replay_load_trace(struct replay_session *s);
/* Reads the acknowledgement log that is to be checked. */
int replay_read_acks(struct replay_session *s);
/* Opens the store, which is made if there is none. */
int replay_open_store(struct replay_session *s);

#endif
