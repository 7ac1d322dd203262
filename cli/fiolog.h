/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fiolog.h - results in the formats of fio, so that programs that draw fio's results draw these:
 * the JSON of `fio --output-format=json`, and the logs of write_bw_log, write_iops_log and
 * write_lat_log. One thread.
 */
#ifndef CLI_FIOLOG_H
#define CLI_FIOLOG_H

#include <stdbool.h>

#include <jansson.h>

#include "cli/series.h"

/*
 * Returns the simulations, benches and replays in RUNS as one object of fio, a job for each job of
 * each run. The caller owns it; NULL: out of memory.
 */
json_t *fiolog_json(const json_t *runs);

/*
 * fiolog_replay.c: returns RUN, a replay, as a job of a simulation. The caller owns it; NULL: out
 * of memory.
 */
json_t *fiolog_replay_job(const json_t *run);

/* Returns the number of files that fiolog_write() writes. */
size_t fiolog_files(const struct series *s);

/* Returns the name of file I of them, which the caller frees; NULL: out of memory. */
char *fiolog_path(const char *prefix, size_t i);

/*
 * Writes PREFIX_bw.N.log, PREFIX_iops.N.log and PREFIX_lat.N.log for each job N, from 1, of S.
 * Returns 0 or -errno with weir_error() set.
 */
int fiolog_write(const struct series *s, const char *prefix);

#endif
