/* SPDX-License-Identifier: Apache-2.0 */
/* job_keys.h - the keys of a job file, and the messages about unknown keys. Constant. */
#ifndef SIM_JOB_KEYS_H
#define SIM_JOB_KEYS_H

#include "sim/jobs.h"

/* The values of a job before any key is read. */
extern const struct sim_job job_defaults;

/*
 * Sets key NAME of JOB to VALUE. Returns 0; -ENOENT if the simulator does not have the key;
 * -EINVAL, where weir_error() says which values or names would be valid.
 */
int job_key_set(struct sim_job *job, const char *name, const char *value);

/* Sets weir_error() to "unknown key NAME" with the most similar key. Returns -EINVAL. */
int job_key_unknown(const char *name);

#endif
