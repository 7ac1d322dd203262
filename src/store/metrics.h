/* SPDX-License-Identifier: Apache-2.0 */
/*
 * metrics.h - what the files that write the metrics of a store share. One call of
 * weir_store_metrics() owns a struct metrics; its thread.
 */
#ifndef STORE_METRICS_H
#define STORE_METRICS_H

#include <weir/tenant.h>

#include "base/openmetrics.h"
#include "store/parts.h"

#define METRICS_NUMBER 12u /* bytes of a 32-bit number as text */

/* A device of the store. */
struct metrics_device {
	char number[METRICS_NUMBER]; /* from 1 on, as `weir stat` counts them */
	struct weir_store_device facts;
	struct weir_store_stats stats; /* zeroes if it is missing, and so is what follows */
	struct weir_queue_info queue;
	struct weir_queue_stats queue_stats;
};

/* A stream. */
struct metrics_stream {
	char number[METRICS_NUMBER];
	struct weir_store_stream facts;
};

struct metrics {
	struct weir_store *s;
	struct openmetrics out;
	struct weir_store_info info;
	struct weir_store_stats stats;
	uint32_t devices, streams;
	struct metrics_device device[WEIR_DEVICES_MAX];
	struct metrics_stream stream[DISK_STREAMS];
	struct hist first, second; /* sums of what is written next */
};

/* These gather facts. They return 0 or -errno with words. */
int metrics_devices_gather(struct metrics *x);
int metrics_streams_gather(struct metrics *x);

/* These write families. metrics_streams_write() returns -errno with words if a fact is missing. */
void metrics_store_write(struct metrics *x);
void metrics_devices_write(struct metrics *x);
void metrics_sched_write(struct metrics *x);
int metrics_streams_write(struct metrics *x);

#endif
