/* SPDX-License-Identifier: Apache-2.0 */
/* replay_report.h - the results of a replay, as a table for people and as JSON for programs. */
#ifndef REPLAY_REPORT_H
#define REPLAY_REPORT_H

#include <stdio.h>

#include <jansson.h>

#include "cli/replay.h"

/* All facts of the report, gathered while the store is open. */
struct replay_report {
	const char *trace_name, *path;
	bool synthetic;
	bool warm; /* the store existed before this run */
	const struct replay *replay;
	const struct replay_check *check; /* NULL: no log was checked */
	struct weir_store_info info;
	struct weir_store_stats stats;
	struct weir_queue_info queue; /* its strings are copied to the members below */
	char engine[32], scheduler[32];
};

/* Fills in the facts that the store knows. Returns 0 or -errno. */
int replay_report_gather(struct replay_report *p, struct weir_store *store);

/* Prints the table and the sentence that summarises it. Returns 0 or -ENOMEM. */
int replay_report_print(const struct replay_report *p, FILE *out);

/* Returns the same as an object of schema weir.replay.v1. NULL: out of memory. */
json_t *replay_report_json(const struct replay_report *p);

#endif
