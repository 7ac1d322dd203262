/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spread.h - random numbers that are not all equally likely: where random offsets go. Owns
 * nothing.
 */
#ifndef SIM_SPREAD_H
#define SIM_SPREAD_H

#include "base/prng.h"
#include "sim/jobs.h"

/* A number from 0 to N - 1 (N at least 1), distributed as D says. */
uint64_t spread_below(struct prng *prng, const struct sim_distribution *d, uint64_t n);

#endif
