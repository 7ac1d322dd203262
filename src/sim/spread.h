/* SPDX-License-Identifier: Apache-2.0 */
/* spread.h - random numbers with uneven probabilities, for random offsets. Owns nothing. */
#ifndef SIM_SPREAD_H
#define SIM_SPREAD_H

#include "base/prng.h"
#include "sim/jobs.h"

/* Returns a number from 0 to N - 1 (N is at least 1) with distribution D. */
uint64_t spread_below(struct prng *prng, const struct sim_distribution *d, uint64_t n);

#endif
