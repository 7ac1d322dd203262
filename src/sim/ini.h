/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ini.h - reads files of sections and keys (device models and jobs) and gives the line of a
 * mistake. Owns nothing; one thread for each file.
 */
#ifndef SIM_INI_H
#define SIM_INI_H

#include <stdio.h>

#include "sim/remarks.h"

/*
 * The function that is called for each key, and at the beginning of each section with NAME NULL.
 * VALUE is "" for a key without a value. Returns 0, or -errno with weir_error() set.
 */
typedef int sim_ini_fn(void *user, unsigned line, const char *section, const char *name,
		       const char *value);

/*
 * Reads IN to its end; messages call it PATH. Returns 0, or -errno with weir_error() giving file
 * and line of the first mistake. MISTAKES gets the lines of all mistakes, unless the file cannot
 * be read at all.
 */
int sim_ini_read(FILE *in, const char *path, sim_ini_fn *fn, void *user, struct remarks *mistakes);

#endif
