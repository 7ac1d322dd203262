/* SPDX-License-Identifier: Apache-2.0 */
/*
 * replay_series.h - what a replay did in each window, as `weir sim --series` writes it: gets are
 * its reads, puts its writes. Any client adds to it; one thread opens and closes it.
 */
#ifndef REPLAY_SERIES_H
#define REPLAY_SERIES_H

#include <stdbool.h>
#include <stdint.h>

struct replay_series;

/* Opens the file PATH. Returns 0, or -errno with weir_error() set. */
int replay_series_open(struct replay_series **s, const char *path);

/* The replay begins at START_NS: times count from here. */
void replay_series_begin(struct replay_series *s, uint64_t start_ns);

/* Adds a get, or a put (PUT), of BYTES that took LATENCY_NS and of which a client knows at NOW_NS.
 * It belongs to the window of that time. */
void replay_series_add(struct replay_series *s, bool put, uint64_t bytes, uint64_t latency_ns,
		       uint64_t now_ns);

/* Writes the last window, which ends at END_NS, and the file. Returns 0, or -errno with
 * weir_error() set. */
int replay_series_close(struct replay_series *s, uint64_t end_ns);

#endif
