/* SPDX-License-Identifier: Apache-2.0 */
/* probes_json.h - what probes measured, as text, as JSON, and read again. One thread. */
#ifndef CLI_PROBES_JSON_H
#define CLI_PROBES_JSON_H

#include <jansson.h>

#include "fit/probes.h"

/* What was probed, for the head of the report. */
struct probes_report {
	const char *source; /* the path, or the name of the model */
	bool simulated;
	const struct probe_set *set;
};

/* Returns the report with schema weir.probes.v1, which the caller owns; NULL: out of memory. */
json_t *probes_json(const struct probes_report *r);

/* Prints one table: a row for each figure. Returns the exit code. */
int probes_json_print(const struct probes_report *r);

/* Writes VALUE, whose unit OF tells, into BUF for people: "83.20 us", "1.05 GB/s". */
const char *probes_json_value(enum probe_of of, double value, char *buf, size_t size);

/*
 * probes_read.c: reads the JSON at PATH ("-": standard input) into SET. SOURCE gets the name of
 * what was probed. Returns 0, or an exit code after the error was printed.
 */
#define PROBES_SOURCE_MAX 256
int probes_read(struct probe_set *set, const char *path, char source[PROBES_SOURCE_MAX]);

#endif
