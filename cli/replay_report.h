/* SPDX-License-Identifier: Apache-2.0 */
/*
 * replay_report.h - what a replay came to, as a table for people and as JSON for programs.
 */
#ifndef REPLAY_REPORT_H
#define REPLAY_REPORT_H

#include <stdio.h>

#include <jansson.h>

#include "cli/replay.h"

/* Everything that the report tells, gathered while the store is open. */
struct replay_report {
	const char *trace_name, *path;
	bool synthetic;
	bool warm; /* the store was there before */
	const struct replay *replay;
	const struct replay_check *check; /* NULL: no log was checked */
	struct weir_store_info info;
	struct weir_store_stats stats;
	struct weir_queue_info queue; /* its strings are copied into what follows */
	char engine[32], scheduler[32];
};

/* Fills in what the store knows. 0 or -errno. */
int replay_report_gather(struct replay_report *p, struct weir_store *store);

/* Prints the table and the sentence that sums it up. 0 or -ENOMEM. */
int replay_report_print(const struct replay_report *p, FILE *out);

/* The same as an object, schema weir.replay.v1. NULL: out of memory. */
json_t *replay_report_json(const struct replay_report *p);

#endif
