/* SPDX-License-Identifier: Apache-2.0 */
/*
 * series.h - tables of windows as CSV: what a job did in each window, in one direction. Whoever has
 * the file calls them; any thread.
 */
#ifndef SIM_SERIES_H
#define SIM_SERIES_H

#include <stdio.h>

#include "base/hist.h"
#include "sim/jobs.h"

struct sim_series_line {
	const char *job;
	enum sim_dir dir;
	uint64_t begin_ns, end_ns; /* since the start of all */
	uint64_t ios, bytes;
	const struct hist *latency;
};

/* Room for the name of a job as a field: each character twice, and the quotes. */
#define SIM_SERIES_NAME_MAX (2 * (SIM_NAME_MAX + 16) + 2)

/* Returns NAME as a field of CSV (RFC 4180): in quotes, in BUF, if it has what would end one. */
const char *sim_series_name(const char *name, char buf[static SIM_SERIES_NAME_MAX]);

/* Writes the first line. */
void sim_series_head(FILE *out);

void sim_series_line(FILE *out, const struct sim_series_line *line);

#endif
