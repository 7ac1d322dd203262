/* SPDX-License-Identifier: Apache-2.0 */
/*
 * suite_report.h - the results of the isolation suite as text and as JSON, for the commands that
 * run it. One thread.
 */
#ifndef CLI_SUITE_REPORT_H
#define CLI_SUITE_REPORT_H

#include <jansson.h>

#include "sim/suite.h"

/* What was asked, for the head of the report. */
struct suite_report {
	const char *device; /* as the user gave it */
	uint64_t seed, runtime_ns;
	const struct suite_result *result;
};

/* Prints one table: a row for each scheduler. Returns the exit code. */
int suite_report_print(const struct suite_report *r);

/* Returns the report with schema weir.suite.v1, which the caller owns; NULL: out of memory. */
json_t *suite_report_json(const struct suite_report *r);

/*
 * A callback for suite_opts.progress: writes one line that overwrites itself to stderr, which must
 * be a terminal.
 */
void suite_report_progress(void *user, const char *scheduler, const char *name, unsigned done,
			   unsigned all);

#endif
