/* SPDX-License-Identifier: Apache-2.0 */
/*
 * openmetrics.h - writes metrics as text: OpenMetrics 1.0, or the older format of Prometheus.
 *
 * The names are those of OpenMetrics: a counter is named without "_total", and a name that ends in
 * "_seconds" or "_bytes" says the unit. All samples of a family follow its openmetrics_family().
 * The caller owns the writer, and uses it on one thread.
 */
#ifndef OPENMETRICS_H
#define OPENMETRICS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/hist.h"

#define OPENMETRICS_NAME 64u	/* bytes of a name, with its end */
#define OPENMETRICS_LABELS 8u	/* of a sample */
#define OPENMETRICS_VALUE 1024u /* bytes of a label's value, as it is shown */

enum openmetrics_type {
	OPENMETRICS_COUNTER,
	OPENMETRICS_GAUGE,
	OPENMETRICS_HISTOGRAM,
	OPENMETRICS_INFO, /* labels only */
};

/* VALUE may be any text: what is not UTF-8, or cannot be seen, is spelled out as visible() does. */
struct openmetrics_label {
	const char *name, *value;
};

struct openmetrics {
	FILE *out;
	bool classic;		     /* Prometheus' older format */
	char name[OPENMETRICS_NAME]; /* of the family, as its samples have it */
	struct openmetrics_label label[OPENMETRICS_LABELS];
	size_t labels; /* of the samples that follow */
};

/* Begins the family NAME; HELP is a sentence. */
void openmetrics_family(struct openmetrics *m, const char *name, enum openmetrics_type type,
			const char *help);
/* Sets how many labels the samples that follow have: the first N stay as they are. */
void openmetrics_keep(struct openmetrics *m, size_t n);
/* Adds a label to the samples that follow. The strings must stay until then. */
void openmetrics_label(struct openmetrics *m, const char *name, const char *value);

/* These write a sample of the family: a number; a time of NS as seconds; a histogram of times. */
void openmetrics_count(struct openmetrics *m, uint64_t value);
void openmetrics_time(struct openmetrics *m, uint64_t ns);
void openmetrics_hist(struct openmetrics *m, const struct hist *h);

/* Ends the text. */
void openmetrics_end(struct openmetrics *m);

#endif
