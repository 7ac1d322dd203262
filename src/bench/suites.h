/* SPDX-License-Identifier: Apache-2.0 */
/* suites.h - several rounds of the isolation suite as one result. Any thread. */
#ifndef BENCH_SUITES_H
#define BENCH_SUITES_H

#include <stddef.h>

#include "sim/suite.h"

/*
 * Makes OUT of N results of the same schedulers, at least 1: its figures, those of the base too,
 * are the medians of the rounds that have them. What was bound or interrupted in one round is so
 * in OUT.
 */
void bench_suites_median(struct suite_result *out, const struct suite_result *round, size_t n);

#endif
