/* SPDX-License-Identifier: Apache-2.0 */
/* sim_fit.h - declarations that the files of `weir sim --fit` share. One thread. */
#ifndef CLI_SIM_FIT_H
#define CLI_SIM_FIT_H

#include <jansson.h>
#include <stdio.h>

#include "fit/fit.h"

/* A fit, as the report describes it. */
struct fit_report {
	const char *source; /* what was probed */
	const char *base;   /* the drive that gave what no probe shows */
	const char *output; /* the file with the description; NULL: none */
	double limit;	    /* nine of ten figures must be within it */
	const struct fit_result *result;
};

/* Returns true if the model keeps the limit. */
bool sim_fit_good(const struct fit_report *r);

/* sim_fit_report.c: prints the report as text. Returns the exit code. */
int sim_fit_print(const struct fit_report *r);

/* sim_fit_report.c: returns the report with schema weir.fit.v1; NULL: out of memory. */
json_t *sim_fit_json(const struct fit_report *r);

/* sim_fit_report.c: writes the description of the drive to OUT. */
void sim_fit_write(const struct fit_report *r, FILE *out);

#endif
