/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fio.h - runs jobs with fio, so that its figures stand beside weir's. fio gets the jobs as weir
 * understood them, its io_uring engine, registered memory and the same file. One thread.
 */
#ifndef BENCH_FIO_H
#define BENCH_FIO_H

#include <stdio.h>

#include "bench/outcome.h"

/*
 * Writes JOBS to OUT as a job file for the file or device PATH. DIRECT: with direct I/O. Returns 0,
 * or -EOPNOTSUPP with weir_error() set if a job replays a log.
 */
int bench_fio_write(FILE *out, const struct sim_jobs *jobs, const char *path, bool direct);

/* Says whether JOBS have keys that are weir's alone: weight, submitter, group, background and
 * deadline. bench_fio_write() leaves them out. */
bool bench_fio_omits(const struct sim_jobs *jobs);

/*
 * Reads the LENGTH bytes at TEXT, what fio printed with --output-format=json about JOBS, into
 * RESULT, whose lines have weir's names of the jobs. Returns 0, or -EPROTO with weir_error() set.
 */
int bench_fio_read(struct bench_outcome *result, const char *text, size_t length,
		   const struct sim_jobs *jobs);

/* Looks whether fio can be run. Returns 0, or -ENOENT and others as bench_fio_run(). */
int bench_fio_find(void);

/*
 * Runs JOBS on PATH with fio, which PATH in the environment names. Returns 0, or -errno with
 * weir_error() set: -ENOENT: fio is not installed; -EIO: it failed. Blocks until it ends.
 */
int bench_fio_run(struct bench_outcome *result, const struct sim_jobs *jobs, const char *path,
		  bool direct);

#endif
