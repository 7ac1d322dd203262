/* SPDX-License-Identifier: Apache-2.0 */
/*
 * weir/metrics.h - what a store does, as text for Prometheus and what reads the same.
 */
#ifndef WEIR_METRICS_H
#define WEIR_METRICS_H

#include <stddef.h>

#include <weir/store.h>

#ifdef __cplusplus
extern "C" {
#endif

enum weir_metrics_format {
	WEIR_METRICS_OPENMETRICS = 0, /* OpenMetrics 1.0 */
	WEIR_METRICS_PROMETHEUS = 1, /* Prometheus' text format 0.0.4, as its node_exporter reads */
};

/*
 * Writes the metrics of S, which docs/metrics.md explains, in FORMAT: *TEXT becomes UTF-8 with a
 * NUL behind it, and *LENGTH (may be NULL) its bytes without that. The caller frees *TEXT with
 * weir_metrics_free(). How many lines there are is bounded by the streams (32) and the devices (16)
 * of a store, not by its tenants. Latencies are those since the store was opened. Errors: -EINVAL
 * (FORMAT), -ENOMEM, -EDEADLK from a callback. Blocks shortly; any thread.
 */
int weir_store_metrics(struct weir_store *s, enum weir_metrics_format format, char **text,
		       size_t *length);

/* Frees a text of weir_store_metrics(); NULL is allowed. Any thread, callbacks included. */
void weir_metrics_free(char *text);

#ifdef __cplusplus
}
#endif
#endif
