/* SPDX-License-Identifier: Apache-2.0 */
/* rig.h - fits models to the probes of other models, and compares the two. */
#ifndef FIT_RIG_H
#define FIT_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "fit/fit.h"

/*
 * Probes the built-in drive NAME, fits a model that begins with the built-in drive FROM, and
 * asserts that nine of ten figures of the probes are within MOST_OF, all within WORST, and the
 * bytes and median latencies of loads that no probe has within HELD.
 */
void fits(const char *name, const char *from, double most_of, double worst, double held);

/* What the last fit has found. */
extern struct fit_result result;

#endif
